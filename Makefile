.DEFAULT_GOAL := help
PYTHON ?= python3
PORT ?= 8000
DATA ?= .coopschool
SIZE ?= small
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help setup demo test check bench lock clean

help: ## say what each target does
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements/dev.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)

setup: $(READY) ## create the environment from locked, hashed dependencies

demo: $(READY) ## fill a school with simulated data and serve it on http://127.0.0.1:$(PORT)
	$(BIN)/coopschool demo --port $(PORT) --size $(SIZE) --data-dir $(DATA)

test: $(READY) ## run all tests
	$(BIN)/python -m pytest -n auto --dist worksteal --cov --cov-report=term --cov-fail-under=95 -q

check: $(READY) ## format, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --cache-dir .import_linter_cache

bench: $(READY) ## measure speed, as ratios within one run
	$(BIN)/python -m benchmarks

lock: ## resolve the dependencies again (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --extra analysis --group dev --output-file requirements/dev.txt pyproject.toml
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --output-file requirements/run.txt pyproject.toml

clean: ## remove the environment and the demo's data
	rm -rf $(VENV) $(DATA)
