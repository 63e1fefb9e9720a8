# Everything a newcomer needs is here: `make help`.
.DEFAULT_GOAL := help
SHELL := /bin/sh

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ROOMS := $(patsubst %/__init__.py,%,$(wildcard */__init__.py))
export HUB_HOME ?= $(CURDIR)/.hub
WORKERS ?= 2

.PHONY: help
help:  ## List every target
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ── set-up ───────────────────────────────────────────────────────────────────────────────────────────
# uv installs the locked files in a minute where pip takes ten; it is told the index that pip is set up for.
# Where uv cannot work, pip installs the same file. Both compile what they install, and setup what is written here: else every
# start of a program does, where PYTHONDONTWRITEBYTECODE is set.

$(VENV)/.ready: requirements.lock requirements-bootstrap.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12 …"; exit 1; }
	@echo "Building $(VENV) from requirements.lock …"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bootstrap.lock
	@index="$${UV_DEFAULT_INDEX:-$${PIP_INDEX_URL:-$$($(BIN)/python -m pip config get global.index-url 2>/dev/null)}}"; \
	  [ -z "$$index" ] || export UV_DEFAULT_INDEX="$$index"; \
	  [ -n "$$SSL_CERT_FILE" ] || [ -z "$$PIP_CERT" ] || export SSL_CERT_FILE="$$PIP_CERT"; \
	  $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock \
	  || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index --editable .
	@touch $@

.PHONY: setup
setup: $(VENV)/.ready  ## Build .venv from the locked, hashed requirements
	@$(BIN)/python -m compileall -q $(ROOMS)

.PHONY: lock
lock: setup  ## Renew requirements.lock from pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --group dev pyproject.toml --output-file requirements.lock

# ── use ──────────────────────────────────────────────────────────────────────────────────────────────

.PHONY: demo
demo: setup  ## The whole story: a city, its systems, the libraries, 2,000 audited calls
	@$(BIN)/hub demo $(ARGS)

.PHONY: serve
serve: setup  ## Leave the hub running, on the demo's data where there is some
	@if [ -d "$(HUB_HOME)/demo" ]; then export HUB_HOME="$(HUB_HOME)/demo"; fi; exec $(BIN)/hub serve $(ARGS)

.PHONY: airflow
airflow: setup  ## Airflow 3, standalone, ordering the hub's work on the demo's data, or on a small city
	@if [ -d "$(HUB_HOME)/demo" ]; then export HUB_HOME="$(HUB_HOME)/demo"; fi; \
	  [ -d "$$HUB_HOME/city" ] || $(BIN)/hub city build --persons 2000 "$$HUB_HOME/city"; \
	  $(BIN)/hub db upgrade && exec $(BIN)/hub airflow $(ARGS)

.PHONY: bench
bench: setup  ## Speed, as ratios inside one run (ARGS="--json FILE" for a file)
	@$(BIN)/hub bench $(ARGS)

# ── checks ───────────────────────────────────────────────────────────────────────────────────────────

.PHONY: test
test: setup  ## The whole suite, in parallel
	@$(BIN)/pytest -n $(WORKERS) --dist worksteal $(ARGS)

.PHONY: test-system
test-system: setup  ## The same suite on a PostgreSQL 15 or newer installed on this machine
	@HUB_TEST_SERVER=system $(BIN)/pytest -n $(WORKERS) --dist worksteal $(ARGS)

.PHONY: lint
lint: setup  ## Style and formatting
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

.PHONY: types
types: setup  ## Strict types
	@$(BIN)/mypy

.PHONY: imports
imports: setup  ## The rooms' import rules
	@$(BIN)/lint-imports --no-cache

.PHONY: check
check: lint types imports test  ## All of the above

.PHONY: clean
clean:  ## Remove the virtual environment and caches; the hub's data stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
