# Every target sets up what it needs. A fresh machine needs git, make, g++ and Python 3.10.

.DEFAULT_GOAL := help
SHELL := bash
BIN := .venv/bin
# Each of these that is found here runs the tests that need no TFX.
CORE_PYTHONS := 3.10 3.11 3.12 3.13
# More arguments for pytest, as in: make test ARGS="-k wiring"
ARGS :=
# Files of tests run side by side; ARGS="-n 0" runs all in one process, as a debugger needs it.
PYTEST := -m pytest -n 2 --dist loadfile

.PHONY: help
help: ## Show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Make or update .venv
	@.ci/setup main

.PHONY: demo
demo: setup ## Run the taxi pipeline here, from CSV to a pushed model
	@$(BIN)/fluentml demo

.PHONY: servers
servers: ## Unpack the database servers that the tests start and this machine lacks
	@.ci/servers

.PHONY: browser
browser: ## Unpack the Chromium in which the tests open reports, where this machine lacks one
	@.ci/browser

.PHONY: airflow
airflow: setup ## Make the environments of the two Airflows that the tests start
	@.ci/setup airflow 2
	@.ci/setup airflow 3

.PHONY: jupyterlab
jupyterlab: setup ## Make the environment of the JupyterLab in which a test runs the quickstart
	@.ci/setup jupyterlab

.PHONY: test
test: setup servers browser airflow jupyterlab ## Run all tests, then test-core
	$(BIN)/python $(PYTEST) $(ARGS)
	@$(MAKE) --no-print-directory test-core

.PHONY: faults
faults: setup ## Kill runs at every moment, fill disks, damage files; make test does a part of it
	$(BIN)/python -m pytest tests/faults/test_faults.py tests/faults/every_moment.py $(ARGS)

.PHONY: test-core
test-core: $(CORE_PYTHONS:%=test-core-%) ## Run the tests that need no TFX, without TFX, on each Python found

.PHONY: $(CORE_PYTHONS:%=test-core-%)
$(CORE_PYTHONS:%=test-core-%): test-core-%: setup
	@.ci/setup core $*
	@if [ -e .venvs/core-$*/complete ]; then \
	  echo "core tests on Python $*"; \
	  .venvs/core-$*/bin/python $(PYTEST) tests -m "not tfx" -q $(ARGS); \
	fi

.PHONY: lint
lint: setup ## Check format, style, types and the layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: format
format: setup ## Format the code and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: golden
golden: setup ## Rewrite the golden files and README's tables; the diff is the review
	$(BIN)/python -m pytest tests/test_golden.py tests/test_support.py --update-golden $(ARGS)

.PHONY: bench
bench: setup ## Run the benchmarks
	$(BIN)/python -m tests.benchmarks

# The versions in requirements.lock stay where they still fit; LOCK_ARGS=--upgrade takes the newest,
# LOCK_ARGS="--upgrade-package rich" only that one.
LOCK_ARGS :=
.PHONY: lock
lock: setup ## Bring requirements.lock in line with pyproject.toml
	$(BIN)/uv --quiet pip compile pyproject.toml --universal --python-version 3.10 --all-extras --group dev \
	  --generate-hashes --no-header --no-annotate $(LOCK_ARGS) --output-file requirements.lock
	for other in airflow-2 airflow-3 jupyterlab; do \
	  $(BIN)/uv --quiet pip compile .ci/$$other.in --universal --python-version 3.10 \
	    --generate-hashes --no-header --no-annotate $(LOCK_ARGS) --output-file .ci/$$other.lock; \
	done

.PHONY: clean
clean: ## Remove the environments, servers, the browser, caches, builds and the demo's results
	rm -rf .venv .venvs .servers .browser build dist fluentml-demo
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
