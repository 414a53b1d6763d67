# The one way to do each thing. `make help` lists the targets.

VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime-stamp
DEV := $(VENV)/.dev-stamp
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# The first of these that runs, is 3.11 or newer and can make a virtual environment.
# `make PYTHON=/path/to/python …` takes another.
PYTHON ?=
PYTHONS := $(or $(PYTHON),python3.13 python3.12 python3.11 python3)

.DEFAULT_GOAL := help
.PHONY: help install demo serve bench test test-server test-cluster test-clients check format clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s%s\n", $$1, $$2 }' Makefile

install: $(RUNTIME) ## set up .venv, nothing else
	@echo "ready: $(BIN)/turnout"

demo: $(RUNTIME) ## load the sample campaigns and serve them
	@exec $(BIN)/turnout demo $(ARGS)

serve: $(RUNTIME) ## serve; `make serve ARGS="--port 9000"`
	@exec $(BIN)/turnout serve $(ARGS)

bench: $(RUNTIME) ## measure the budgets
	@exec $(BIN)/turnout bench $(ARGS)

test: $(DEV) ## run every test; `make test ARGS=tests/stats`
	@exec $(BIN)/pytest -n 4 $(ARGS)

# The store is chDB behind a server's HTTP protocol; what opens no store is not run again.
test-server: $(DEV) ## run the tests of the store against a ClickHouse server's stand-in
	@exec env TURNOUT_TEST_STORE=server $(BIN)/pytest -n 4 $(ARGS)

test-cluster: $(DEV) ## run what several processes share against the servers of TURNOUT_TEST_CLUSTER
	@if [ -z "$$TURNOUT_TEST_CLUSTER" ]; then \
		echo "skipped: TURNOUT_TEST_CLUSTER names no ClickHouse servers (docs/cluster.md says how to start some and run this)"; \
	else \
		exec $(BIN)/pytest tests/real -n 0 -rs $(ARGS); \
	fi

# The vendor's own client asks for Python 3.12, but its models, which are what is used of it, need nothing newer.
test-clients: $(DEV) ## run the vendors' published clients against a server
	@$(PIP) --no-deps --no-compile --ignore-requires-python braze-mcp-server==1.2.0
	@exec $(BIN)/pytest tests/clients $(ARGS)

check: $(DEV) ## lint, format, types, layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(DEV) ## put the sources in shape
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean: ## remove .venv, caches and builds; data stays
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@old=; bare=; \
	for python in $(PYTHONS); do \
		"$$python" -c '' 2>/dev/null || continue; \
		"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { old="$$python"; continue; }; \
		"$$python" -c 'import venv, ensurepip' 2>/dev/null || { bare="$$python"; continue; }; \
		echo "setting up $(VENV) with $$("$$python" --version)"; \
		rm -rf $(VENV); \
		exec "$$python" -m venv $(VENV); \
	done; \
	if [ -n "$$bare" ]; then \
		echo "error: $$bare can't make virtual environments: install python3-venv (Debian, Ubuntu), then run make again" >&2; \
	else \
		echo "error: Turnout needs Python 3.11 or newer$${old:+ ($$old is older)}: install it, then run make again" >&2; \
	fi; \
	exit 1

$(RUNTIME): requirements.txt pyproject.toml | $(BIN)/python
	@$(PIP) --no-deps -r requirements.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): requirements-dev.txt $(RUNTIME)
	@$(PIP) --no-deps -r requirements-dev.txt
	@touch $@
