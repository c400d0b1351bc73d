# Needs make and Python 3.11 or newer with venv; everything else is installed into $(VENV) by the first command.

VENV   ?= .venv
PORT   ?= 8000
ONLY   ?=
ROUNDS ?= 10
FUZZ   ?= 600
PLAYS  ?= 200
SOAK   ?= 30
MANY   ?= 1000000
KILLS  ?= 3000
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN    := $(VENV)/bin
BUILD  := $(shell sed -n 's/^requires = \["\(.*\)"\]/\1/p' pyproject.toml)
LOCK   := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --constraint constraints.txt --generate-hashes \
	--no-header --no-annotate --no-emit-index-url

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# What is compiled is kept, or each of the many processes that tests start would compile it anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test test-fast check bench torture torture-million docs format constraints sbom package clean

help:  ## What can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.run  ## The sandbox: service, simulated hub, example referrals (PORT=8000)
	@exec $(BIN)/python -m adapter.sandbox.run --port $(PORT)

test: $(VENV)/.dev  ## Every test, of a few long ones a smaller form
	$(BIN)/pytest -n 2 --dist loadfile -m "not torture"

test-fast: $(VENV)/.dev  ## The tests that take a moment
	$(BIN)/pytest -n 2 --dist loadfile -m "not slow and not torture"

check: $(VENV)/.dev  ## Style, types, directions of imports, generated files, container files
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	@for tool in tools/*.py; do echo "$$tool --check"; $(BIN)/python $$tool --check || exit 1; done
	$(BIN)/hadolint Dockerfile
	$(BIN)/yamllint --strict compose.yaml deploy

docs: $(VENV)/.dev  ## Write the generated files anew
	@for tool in tools/*.py; do echo "$$tool"; $(BIN)/python $$tool || exit 1; done

bench: $(VENV)/.dev  ## Speed, one page and bench/results.json (ONLY=word for a part)
	$(BIN)/python -m bench $(ONLY)

torture: $(VENV)/.dev  ## Faults again and again, each round with its own seed (ROUNDS=10); wild requests for FUZZ=600 seconds; PLAYS=200 of both sides; guards taken out; the bench at its full sizes; SOAK=30 minutes at 20 messages/s
	@for round in $$(seq $(ROUNDS)); do $(BIN)/pytest -s -m slow tests/kill/test_kill.py || exit 1; done
	TMPDIR=/tmp STAFETT_MESSAGES=20000 STAFETT_KILLS=60 $(BIN)/pytest -s -m torture tests/kill
	$(BIN)/pytest -s -m torture tests/power
	$(BIN)/pytest -s -m torture tests/storage
	$(BIN)/pytest -m torture tests/matrix tests/r4 tests/fhir tests/mappings
	$(BIN)/pytest -s -m torture tests/scenarios
	$(BIN)/pytest -s -m torture tests/guards
	STAFETT_PLAYS=$(PLAYS) $(BIN)/pytest -s tests/handover/test_convergence.py
	STAFETT_FUZZ_SECONDS=$(FUZZ) STAFETT_FUZZ_SLOWEST=1 $(BIN)/pytest -s tests/fhir/test_fuzz.py
	$(BIN)/python -m bench --full
	$(BIN)/python -m bench.soak $(SOAK)

torture-million: $(VENV)/.dev  ## MANY=1000000 messages and KILLS=3000 on each engine: hours, and some 60 GB for each million
	TMPDIR=/tmp STAFETT_MESSAGES=$(MANY) STAFETT_KILLS=$(KILLS) $(BIN)/pytest -s -m torture tests/kill

format: $(VENV)/.dev  ## Put the code in its usual form
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

constraints: $(VENV)/.dev  ## Write constraints.txt from what is installed, and locks/ with the hashes of its files
	$(BIN)/pip freeze --exclude-editable --exclude setuptools > $(VENV)/frozen
	sed '1i # Every package of a complete installation, at the version it was tested with: make constraints' $(VENV)/frozen > constraints.txt
	$(LOCK) -o locks/run.txt pyproject.toml
	$(LOCK) -o locks/dev.txt --extra dev pyproject.toml
	printf '%s\n' '$(BUILD)' 'editables==0.6' | $(LOCK) -o locks/build.txt -  # the second is what the first asks for where it installs editably

sbom: $(VENV)/.dev  ## Write dist/stafett.cdx.json: all that the service is made of, with licences (CycloneDX)
	$(BIN)/python tools/sbom.py

package: $(VENV)/.run  ## Write build/stafett.pathways-….tgz: profiles, code lists and examples as a FHIR package
	$(BIN)/python tools/package.py --check
	$(BIN)/python tools/package.py

clean:  ## Remove what was made here
	rm -rf $(VENV) .stafett .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist

# What is installed is remembered by a stamp, so that it is done again only when the lists change.
$(BIN)/python:
	@if [ -z "$(PYTHON)" ]; then \
		echo "Stafett needs Python 3.11 or newer with venv (Debian: apt-get install python3-venv); or give one: make PYTHON=/path/to/python3" >&2; \
		echo "Stafett trenger Python 3.11 eller nyere med venv (Debian: apt-get install python3-venv)" >&2; exit 1; fi
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml locks/build.txt locks/run.txt | $(BIN)/python
	@echo "Installing into $(VENV), once: a minute or two …"
	$(BIN)/pip install --quiet --require-hashes -r locks/build.txt -r locks/run.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml locks/build.txt locks/dev.txt | $(BIN)/python
	@echo "Installing into $(VENV), with what tests need, once: some minutes …"
	$(BIN)/pip install --quiet --require-hashes -r locks/build.txt -r locks/dev.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $(VENV)/.run $@
