# Everything that a person types. Each target makes its own environment, .venv, from requirements.lock; nothing else is needed
# than Python 3.11 or newer and a way to reach a package index (pip's own settings are used, none is written here).

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
STAMP := $(VENV)/.made-from-lock
RUNS := $(VENV)/.runs
WORKERS ?= 20000
DATA ?= hongling-data
LOCK_OPTIONS := --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet

.DEFAULT_GOAL := help
.PHONY: help demo up test assurance mutants compiled lint bench golden render lock
.DELETE_ON_ERROR:

help:  ##  this list
	@sed -n 's/^\([a-z]*\):.*##  */\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r name what; do \
	  printf '  make %-10s %s\n' "$$name" "$$what"; done

demo: compiled  ##  the main job on real parts, about three minutes; WORKERS=300 for a quick look
	$(BIN)/hongling demo --workers $(WORKERS)

up: compiled  ##  broker and services, embedded, until Ctrl-C; DATA=folder
	$(BIN)/hongling up --data $(DATA)

test: lint compiled  ##  style, types, architecture, and the whole test suite on real parts
	$(BIN)/python -m pytest -n 4

assurance: $(STAMP)  ##  the long form of the fault tests: 100,000 events, 100 kills of any part, lost streams, long outages
	HONGLING_ASSURANCE_EVENTS=100000 HONGLING_ASSURANCE_KILLS=100 HONGLING_ASSURANCE_PEOPLE=300 \
	HONGLING_ASSURANCE_OUTAGE_SECONDS=30 $(BIN)/python -m pytest tests/assurance tests/system/test_poison.py -n 0 -rP
	HONGLING_ASSURANCE_MUTATIONS=1000000 $(BIN)/python -m pytest tests/contracts/test_same_verdict.py -n 2
	HONGLING_ASSURANCE_FUZZ=1000000 $(BIN)/python -m pytest tests/assurance/test_fuzzed_intake.py -n 2 -rP
	HONGLING_ASSURANCE_SEEDS=5000 $(BIN)/python -m pytest tests/simulation -n 2 -rP

mutants: $(STAMP)  ##  plant each bug of tests/mutants/planted.toml in a copy of the tree: the tests must turn red
	$(BIN)/python -m tests.mutants.plant

# Every command and service is a process of its own, and reads these; some environments forbid Python to write them by itself.
compiled: $(RUNS)
	$(BIN)/python -m compileall -q -j 0 contracts eventlog services console tests

lint: $(STAMP)  ##  style, types and architecture only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict
	$(BIN)/lint-imports

bench: $(STAMP)  ##  figures beside the raw limit and the peer, about a quarter of an hour; ONLY="commands reading", OPTIONS=--write
	$(PIP) install --quiet --require-hashes --requirement requirements-bench.lock
	$(BIN)/python -m benchmarks.run $(ONLY) $(OPTIONS)

golden: $(STAMP)  ##  golden files and JSON Schemas for what is new in contracts/; existing ones are never changed
	$(BIN)/python -m tests.contracts.golden
	$(BIN)/python -m contracts.generate_schemas

render: $(STAMP)  ##  the tables in the documents and the list of the parts (docs/sbom.cdx.json), from the code and the lock
	$(BIN)/python -m deploy.render

lock:  ##  requirements.lock and requirements-runtime.lock from pyproject.toml; needs uv
	uv pip compile pyproject.toml --extra test $(LOCK_OPTIONS) --output-file requirements.lock
	uv pip compile pyproject.toml $(LOCK_OPTIONS) --constraint requirements.lock --output-file requirements-runtime.lock
	uv pip compile pyproject.toml --extra bench $(LOCK_OPTIONS) --constraint requirements.lock --output-file requirements-bench.lock

# Made again whenever a lock or the project's own description has changed. What only the tests need is installed for them, not
# for the demo: the pins of requirements-runtime.lock are those of requirements.lock (tests/system/test_compose.py).
$(STAMP): requirements.lock $(RUNS)
	$(PIP) install --quiet --require-hashes --requirement requirements.lock
	@touch $(STAMP)

# pip compiles one module after the other; all cores do it in a third of the time. Packages carry files that are no module of
# this Python, and those are passed over as pip does.
$(RUNS): requirements-runtime.lock requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Hongling needs Python 3.11 or newer; say PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	sed -n '/^setuptools==/,/[^\\]$$/p' requirements.lock > $(VENV)/builder.lock
	$(PIP) install --quiet --no-compile --require-hashes --requirement requirements-runtime.lock --requirement $(VENV)/builder.lock
	$(PIP) install --quiet --no-deps --no-build-isolation --no-index --editable .
	-$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib
	@touch $(RUNS)
