# Everything runs from .venv, which `setup` makes from the hashed locks in requirements/. Data goes to
# OUTCOMES_HOME (default ./data).
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

DEMO_SERVE ?= 1
BIN := .venv/bin
INSTALL := $(BIN)/uv pip install --quiet --python .venv --compile-bytecode --require-hashes
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate

.PHONY: help setup demo test lint bench serve airflow lock

help: ## Show this list
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 18

setup: .venv/.dev ## Make .venv with everything that development needs

demo: .venv/.base ## Invent a registry, backfill it through Airflow, publish, serve (DEMO_SERVE=0: end after publishing)
	@DEMO_SERVE=$(DEMO_SERVE) $(BIN)/python -m scripts.demo

test: lint .venv/.browser ## Run every check and every test
	$(BIN)/pytest -n auto --dist loadfile

lint: .venv/.dev ## Run ruff, mypy, import-linter and sqlfluff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint sql

bench: .venv/.dev ## Run the benchmarks
	for benchmark in startup labels measures dashboards; do $(BIN)/python -m benchmarks.$$benchmark; done

serve: .venv/.base ## Serve the dashboards of the current release on 127.0.0.1:8050
	@$(BIN)/outcomes serve --port 8050

airflow: .venv/.base ## Run Airflow for this machine alone, on 127.0.0.1
	@$(BIN)/python -m scripts.local_airflow

lock: .venv/.base ## Lock the newest allowed versions anew
	cd requirements && ../$(LOCK) --upgrade base.in -o base.txt \
		&& for name in setup dev; do ../$(LOCK) --upgrade -c base.txt $$name.in -o $$name.txt; done

.venv/.base: requirements/setup.txt requirements/base.txt pyproject.toml
	@echo "Setting up .venv"
	@python=$$(scripts/find_python.sh); [ -x $(BIN)/python ] || "$$python" -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/setup.txt
	@$(INSTALL) -r requirements/base.txt
	@$(BIN)/uv pip install --quiet --python .venv --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: .venv/.base requirements/dev.txt
	@$(INSTALL) -r requirements/dev.txt
	@touch $@

.venv/.browser: .venv/.dev scripts/find_browser.sh
	@scripts/find_browser.sh
	@touch $@
