# Everything runs from .venv, which `setup` makes from the hashed locks in requirements/. Data goes to
# OUTCOMES_HOME (default ./data).
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

DEMO_SERVE ?= 1
BENCH ?= small
CLUSTER ?= small
BIN := .venv/bin
INSTALL := $(BIN)/uv pip install --quiet --python .venv --compile-bytecode --require-hashes
# In the order of the folders: else files of few tests come last, which are the ones that take longest.
PYTEST := $(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate

KINDS := $(filter-out test-support test-__pycache__,$(patsubst tests/%/,test-%,$(wildcard tests/*/)))

.PHONY: help setup demo test coverage test-long $(KINDS) cluster-test lint bench serve airflow bump lock

help: ## Show this list
	@sed -nE 's/^([a-z-]+|\$$\(KINDS\)):.*## (.*)/  make \1\t\2/p' Makefile | sed 's/\$$(KINDS)/test-KIND/' | expand -t 20

setup: .venv/.dev ## Make .venv with everything that development needs

demo: .venv/.base ## Invent a registry, backfill it through Airflow, publish, serve (DEMO_SERVE=0: end after publishing)
	@DEMO_SERVE=$(DEMO_SERVE) $(BIN)/python -m scripts.demo

test: lint .venv/.browser ## Run every check and every test but the long ones; tell the slowest
	$(PYTEST) -m "not long" --durations=20
	@echo "Left to make test-long, because they take long: the tests marked long (further cases of shorter tests, the runbook)"

$(KINDS): test-%: .venv/.browser ## Run the tests of one kind: unit, spec, generative, integration, browser, dags, reliability
	$(PYTEST) tests/$*

# It costs a quarter of the time on Python 3.11, and is of the quick kinds, which should reach all code.
coverage: .venv/.browser ## Run the unit tests and the specification and print what code they reach
	$(PYTEST) tests/unit tests/spec --cov --cov-report=term:skip-covered

test-long: .venv/.browser ## Run the long tests, and the generated ones with many times the examples
	$(PYTEST) -m long
	ORACLE_PATIENTS=20000 $(PYTEST) tests/generative --hypothesis-profile long

# In a room of its own, from the lock that sites use and the built wheel; not part of `test`.
cluster-test: .venv/.base ## Backfill in an Airflow of Celery, PostgreSQL and Redis, kill parts of it (CLUSTER=full: 30 sites, 36 months; or 12x12)
	@reason=$$($(BIN)/python -m scripts.servers) || { echo "Skipped: $$reason"; exit 0; }; \
	$(MAKE) --silent --no-print-directory .venv-cluster/.packages \
		|| { echo "Skipped: Celery is missing, since requirements/airflow.txt could not be installed"; exit 0; }; \
	rm -rf .venv-cluster/wheel; \
	$(BIN)/hatchling build -t wheel -d .venv-cluster/wheel; \
	$(BIN)/uv pip install --quiet --python .venv-cluster --no-deps --reinstall .venv-cluster/wheel/*.whl; \
	.venv-cluster/bin/python -m scripts.cluster $(CLUSTER)

lint: .venv/.dev ## Run ruff, mypy, import-linter and sqlfluff; check licences and definitions' versions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m scripts.licences
	$(BIN)/sqlfluff lint sql --processes 2
	$(BIN)/python -m scripts.bump --check

bench: .venv/.browser ## Run the benchmarks and write docs/benchmarks.md (BENCH=full: at their full size, for hours)
	$(BIN)/python -m benchmarks --size $(BENCH)

serve: .venv/.base ## Serve the dashboards of the current release on 127.0.0.1:8050
	@$(BIN)/outcomes serve --port 8050

airflow: .venv/.base ## Run Airflow for this machine alone, on 127.0.0.1
	@$(BIN)/python -m scripts.local_airflow

bump: .venv/.base ## Raise versions of changed definitions: make bump NAMES="pain_past_3_months" WHY="…" (or NAMES=--all-changed)
	$(BIN)/python -m scripts.bump $(NAMES) --why "$(WHY)"

lock: .venv/.base ## Lock the newest allowed versions anew
	cd requirements && ../$(LOCK) --upgrade setup.in -o setup.txt \
		&& ../$(LOCK) --upgrade --extra airflow --extra dashboards --extra sqlalchemy ../pyproject.toml -o base.txt \
		&& ../$(LOCK) --upgrade --group ../pyproject.toml:dev -c base.txt -o dev.txt \
		&& ../$(LOCK) --upgrade -c base.txt ../pyproject.toml -o pipeline.txt \
		&& ../$(LOCK) --upgrade -c base.txt --extra dashboards ../pyproject.toml -o dashboards.txt \
		&& ../$(LOCK) --upgrade -c base.txt --extra dashboards --extra airflow ../pyproject.toml airflow.in -o airflow.txt

.venv/.base: requirements/setup.txt requirements/base.txt pyproject.toml
	@echo "Setting up .venv"
	@python=$$(scripts/find_python.sh); [ -x $(BIN)/python ] || "$$python" -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/setup.txt
	@$(INSTALL) -r requirements/base.txt
	@$(BIN)/uv pip install --quiet --python .venv --no-deps --no-build-isolation --editable .
	@touch $@

.venv-cluster/.packages: .venv/.base requirements/airflow.txt
	@echo "Setting up .venv-cluster"
	@[ -x .venv-cluster/bin/python ] || $(BIN)/python -m venv --without-pip .venv-cluster
	@$(BIN)/uv pip install --quiet --python .venv-cluster --compile-bytecode --require-hashes -r requirements/airflow.txt
	@touch $@

.venv/.dev: .venv/.base requirements/dev.txt
	@$(INSTALL) -r requirements/dev.txt
	@touch $@

.venv/.browser: .venv/.dev scripts/find_browser.sh
	@scripts/find_browser.sh
	@touch $@
