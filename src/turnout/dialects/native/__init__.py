"""Turnout's own API under /v1, with health, Prometheus and OpenAPI beside it."""
