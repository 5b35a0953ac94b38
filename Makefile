# `make demo` and `make test` need nothing but Debian or Ubuntu with Python 3.11 or newer.
# PYTHON=python3.12 chooses the interpreter, PYTEST_ARGS="-k masks" chooses tests.

PYTHON_IN_VENV := .venv/bin/python
PYTEST_ARGS ?=
# With several processes, threads that compete for the cores are many times slower (docs/install.md). Nothing
# else is set for the tests.
SINGLE_THREADED := OMP_NUM_THREADS=1

.DEFAULT_GOAL := help
.PHONY: help setup demo test browser lint type unit docs format mutations clean
.NOTPARALLEL:

help:  ## List these commands.
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' Makefile | expand -t 16

setup:  ## Make .venv and install everything the demo and the tests need; seconds when it is there.
	@bash tools/setup.sh

demo: setup  ## Train the `quick` preset, evaluate it, print where the results are.
	$(PYTHON_IN_VENV) -m agents.selfsup_agent

test: lint type docs unit  ## Lint, type check, build the documentation, then the whole test suite.

browser:  # Chromium for the tests of pages, where apt can install it.
	@bash tools/install_browser.sh

lint: setup  ## Ruff: rules, docstrings, formatting.
	$(PYTHON_IN_VENV) -m ruff check .
	$(PYTHON_IN_VENV) -m ruff format --check .

type: setup  ## Mypy.
	$(PYTHON_IN_VENV) -m mypy

unit: setup browser  ## Pytest alone, on every core up to eight.
	$(SINGLE_THREADED) $(PYTHON_IN_VENV) -m pytest -n auto --maxprocesses 8 --dist loadfile $(PYTEST_ARGS)

# No --quiet: it hides the warnings from --strict.
docs: setup  ## Build the documentation into site/; a warning is an error.
	$(PYTHON_IN_VENV) -m mkdocs build --strict

format: setup  ## Format the code with ruff and apply its corrections.
	$(PYTHON_IN_VENV) -m ruff check --fix .
	$(PYTHON_IN_VENV) -m ruff format .

mutations: setup  ## Break the code, one place at a time, and check that tests fail.
	$(SINGLE_THREADED) $(PYTHON_IN_VENV) tools/mutations.py

clean:  ## Remove .venv, caches and build output, but not runs/.
	rm -rf .venv build dist site *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find thor_interact_env selfsup agents eval tests examples -name __pycache__ -type d -prune -exec rm -rf {} +
