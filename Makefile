.DEFAULT_GOAL := help
# The first Python that is new enough.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
PORT ?= 8000
DATA ?= $(or $(COOPSCHOOL_DATA_DIR),.coopschool)
SIZE ?= small
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Spark needs Java and 400 MB: it is installed for the tests, where there is a Java.
SPARK := $(if $(shell command -v java),$(VENV)/.spark)
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header

.PHONY: help setup demo test check bench torture fuzz load lock clean

help: ## say what each target does
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements/dev.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "coopschool needs Python 3.11 or newer: install it, or name it with make PYTHON=…" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "$(PYTHON) has no venv module: install it (on Debian and Ubuntu: apt install python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --no-deps --require-hashes -r requirements/dev.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $(READY)

$(VENV)/.spark: $(READY) requirements/spark.txt
	$(PIP) install --no-deps --no-build-isolation --require-hashes -r requirements/spark.txt
	@touch $@

setup: $(READY) ## create the environment from locked, hashed dependencies

demo: export COOPSCHOOL_DATA_DIR := $(DATA)
demo: $(READY) ## serve a simulated school (PORT=8000 DATA=.coopschool SIZE=small)
	@$(BIN)/coopschool demo --port $(PORT) --size $(SIZE)

# Tests start processes by the hundred, which would compile all of the code each time if the shell forbade to keep it.
test: export PYTHONDONTWRITEBYTECODE :=
test: $(READY) $(SPARK) ## run all tests, with branch coverage
	@rm -f .coverage .coverage.*
	$(BIN)/python -m pytest -n auto --dist worksteal --cov --cov-report=term --cov-fail-under=95 -q

check: $(READY) ## format, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --cache-dir .import_linter_cache

bench: $(READY) ## measure speed, as ratios within one run
	$(BIN)/python -m benchmarks

torture: $(READY) ## kill, cut off, repeat and tamper at random; nothing may be lost or doubled (takes hours)
	$(BIN)/python -m torture

fuzz: $(READY) ## fuzz the API from its own OpenAPI document
	$(BIN)/python -m torture fuzz

load: $(READY) ## find the rate that one server holds, hold it for 5 minutes, then offer three times as much
	$(BIN)/python -m torture.load

lock: ## resolve the dependencies again (needs uv)
	$(LOCK) --extra analysis --group dev --output-file requirements/dev.txt pyproject.toml
	$(LOCK) --output-file requirements/run.txt pyproject.toml
	$(LOCK) --group build --output-file requirements/build.txt
	$(LOCK) --group spark --output-file requirements/spark.txt

clean: ## remove the environment and the demo's data
	rm -rf $(VENV) $(DATA)
