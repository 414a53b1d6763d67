"""Turnout: a self-hosted campaign statistics server. Events go in, exact statistics come out."""

__version__ = "0.6.0"
