# The only place where commands are written. Each target sets up what it needs, and starts at once
# when pyproject.toml has not changed.

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
PYTHONS ?= python3.11 python3.12 python3.13
VENV ?= .venv
FOLDER ?= kwlab-notebooks
TESTS ?=

BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
# One kernel a notebook: cells of one notebook must not go to two workers.
PARALLEL := -n 2 --dist loadscope --no-loadscope-reorder
NBVAL := --nbval --nbval-current-env --nbval-cell-timeout=60

# uv takes seconds where pip takes half a minute. It reads no pip settings, so where it fails pip has the word.
install = { $(BIN)/python -m pip install --quiet --disable-pip-version-check uv \
	&& $(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode -e '.[$(1)]'; } \
	|| $(BIN)/python -m pip install --quiet -e '.[$(1)]'

.PHONY: help lab setup test lint check bench rig peers nightly notebooks clean

help:
	@echo "make lab        open JupyterLab on a working copy of the notebooks (FOLDER=$(FOLDER))"
	@echo "make test       run all tests; TESTS='tests/test_wire.py -k cut' runs some"
	@echo "make lint       ruff, mypy, import-linter"
	@echo "make check      lint and test: what CI runs"
	@echo "make bench      medians and ratios, from one run"
	@echo "make rig        build a real API server and client-go for the tests; once, some minutes"
	@echo "make peers      the same faults for every library that watches; writes docs/peers.md"
	@echo "make nightly    more examples, and the notebooks on each of: $(PYTHONS)"
	@echo "make notebooks  run the notebooks and write them with their outputs"

lab: $(VENV)/.lab
	@$(BIN)/python -m kwlab lab "$(FOLDER)"

setup: $(VENV)/.test

test: $(VENV)/.test
ifeq ($(TESTS),)
	$(PYTEST) $(PARALLEL) $(NBVAL) --durations=10
else
	$(PYTEST) $(TESTS)
endif

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint
	@$(MAKE) --no-print-directory test

bench: $(VENV)/.test
	$(BIN)/python -m tests.bench

rig:
	@$(PYTHON) -m tests.build_rig

# A quarter of an hour, and it installs each library in an environment of its own.
peers: $(VENV)/.test
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/python -m tests.peers

notebooks: $(VENV)/.test
	$(BIN)/python -m tests.write_notebooks

nightly: $(VENV)/.test
	$(PYTEST) $(PARALLEL) $(NBVAL) --hypothesis-profile=nightly
	@for p in $(PYTHONS); do \
		if $$p -c '' >/dev/null 2>&1; then \
			echo "== $$p"; \
			$(MAKE) --no-print-directory VENV=$(VENV)-$$(basename $$p) PYTHON=$$p one-python || exit 1; \
		else echo "== $$p: skipped, it is not on this machine"; fi; \
	done

.PHONY: one-python
one-python: $(VENV)/.test
	$(PYTEST) $(PARALLEL) $(NBVAL) --quiet
	$(BIN)/python -m tests.write_notebooks --check

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

$(BIN)/python:
	@command -v "$(PYTHON)" >/dev/null || { echo "kwlab needs Python 3.11 or newer, and found none$(PYTHON:%= at %). Install one, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "kwlab needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1)." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) came without venv. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.lab: pyproject.toml | $(BIN)/python
	@echo "Setting up $(VENV) ..."
	@$(call install,lab)
	@touch $@

$(VENV)/.test: pyproject.toml | $(BIN)/python
	@echo "Setting up $(VENV), with what the tests need ..."
	@$(call install,test)
	@touch $@ $(VENV)/.lab
