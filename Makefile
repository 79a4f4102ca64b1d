# The only place where commands are written. Each target sets up what it needs, and starts at once
# when neither pyproject.toml nor constraints.txt has changed.

PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
# Where no package of the system brings Python 3.14, `make python3.14` puts Debian's there.
DEBIAN := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/kwlab-python3.14
PYTHONS ?= python3.11 python3.12 python3.13 \
	$(shell command -v python3.14 || echo $(DEBIAN)/usr/bin/python3.14)
VENV ?= .venv
FOLDER ?= kwlab-notebooks
TESTS ?=
# How versions are chosen: the pinned ones. `make oldest` and `make newest` choose others.
VERSIONS ?= --constraints constraints.txt

BIN := $(VENV)/bin
# With pinned versions a warning is new because of us; with others it is somebody else's.
PYTEST := KWLAB_PINNED=1 $(BIN)/python -m pytest
# One kernel a notebook: cells of one notebook must not go to two workers.
PARALLEL := -n 2 --dist loadscope --no-loadscope-reorder
NBVAL := --nbval --nbval-current-env --nbval-cell-timeout=60
# The tests of the library, the recordings and the lab, and the notebooks: what needs no other tool.
LANE := $(BIN)/python -m pytest $(PARALLEL) $(NBVAL) --quiet -m 'not needs'

# uv takes seconds where pip takes half a minute. It reads no pip settings, so where it fails pip has
# the word. The build backend is pinned too: pip before 25.3 reads PIP_CONSTRAINT for it.
install = { $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv \
	&& $(BIN)/uv pip install --python $(BIN)/python --compile-bytecode \
		--build-constraints constraints.txt $(VERSIONS) -e '.[$(1)]'; } \
	|| { test '$(origin VERSIONS)' = file && PIP_CONSTRAINT=constraints.txt \
		PIP_BUILD_CONSTRAINT=constraints.txt $(BIN)/python -m pip install -e '.[$(1)]'; }

.PHONY: help lab setup test lint check oldest newest pins bench rig peers nightly notebooks \
	python3.14 clean

help:
	@echo "make lab        open JupyterLab on a working copy of the notebooks (FOLDER=$(FOLDER))"
	@echo "make test       run all tests; TESTS='tests/test_wire.py -k cut' runs some"
	@echo "make lint       ruff, mypy, import-linter"
	@echo "make check      lint, oldest and test: what CI runs"
	@echo "make oldest     test the library, recordings and lab with the oldest versions that pyproject permits"
	@echo "make newest     report what the newest versions break; never fails"
	@echo "make pins       renew constraints.txt, the versions that all other targets install"
	@echo "make bench      medians and ratios, from one run"
	@echo "make rig        build a real API server and client-go for the tests; once, some minutes"
	@echo "make peers      the same faults for every library that watches; writes docs/peers.md"
	@echo "make nightly    more examples, all tests on each of: $(PYTHONS); then newest"
	@echo "make python3.14 fetch Debian's Python 3.14 for make nightly; needs root on Debian or Ubuntu"
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

check: lint oldest
	@$(MAKE) --no-print-directory test

oldest:
	@$(MAKE) --no-print-directory VENV=$(VENV)-oldest VERSIONS='--resolution lowest-direct' lane

# The newest versions are another day's, so they are looked for each time.
newest:
	@rm -f $(VENV)-newest/.test
	@$(MAKE) --no-print-directory VENV=$(VENV)-newest VERSIONS=--upgrade lane \
		&& echo "== newest: the tests pass." \
		|| echo "== newest: something fails, see above. This is a report: the pinned versions are not affected."
	@echo "== newest: not the pinned versions:"
	@sed 's/ ;.*//' constraints.txt >$(VENV)-newest/pins
	@$(VENV)-newest/bin/uv pip freeze --quiet --python $(VENV)-newest/bin/python --exclude-editable \
		--exclude pip --exclude setuptools | grep -vxFf $(VENV)-newest/pins || echo "(none)"

.PHONY: lane
lane: $(VENV)/.test
	$(LANE)

pins: $(VENV)/.test
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --all-extras \
		--no-emit-index-url --no-annotate --custom-compile-command 'make pins' \
		--output-file constraints.txt pyproject.toml

bench: $(VENV)/.test
	$(BIN)/python -m benchmarks

rig:
	@$(PYTHON) -m tests.build_rig

# A quarter of an hour, and it installs each library in an environment of its own.
peers: $(VENV)/.test
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/python -m benchmarks.peers

notebooks: $(VENV)/.test
	$(BIN)/python -m tests.write_notebooks

nightly: $(VENV)/.test
	@for p in $(PYTHONS); do $$p -c '' || { \
		echo "make nightly: $$p cannot be run. Install it (for 3.14: make python3.14), or leave it out: PYTHONS='...'" >&2; \
		exit 1; }; done
	$(PYTEST) $(PARALLEL) $(NBVAL) --hypothesis-profile=nightly tests notebooks benchmarks
	@for p in $(PYTHONS); do \
		echo "== $$p"; \
		$(MAKE) --no-print-directory VENV=$(VENV)-$$(basename $$p) PYTHON=$$p one-python || exit 1; \
	done
	@$(MAKE) --no-print-directory newest

.PHONY: one-python
one-python: $(VENV)/.test
	$(PYTEST) $(PARALLEL) $(NBVAL) --quiet
	$(BIN)/python -m tests.write_notebooks --check

python3.14:
	@tests/debian_python.sh $(DEBIAN)

clean:
	rm -rf $(VENV) $(VENV)-* .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

$(BIN)/python:
	@command -v "$(PYTHON)" >/dev/null || { echo "kwlab needs Python 3.11 or newer, and found none$(PYTHON:%= at %). Install one, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "kwlab needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1)." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) came without venv. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.lab: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing kwlab and JupyterLab into $(VENV). The first time this may take some minutes."
	@$(call install,lab)
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing kwlab and what its tests need into $(VENV). The first time this may take some minutes."
	@$(call install,test)
	@touch $@ $(VENV)/.lab
