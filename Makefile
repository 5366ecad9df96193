# `make` lists what one can do. Needs Python 3.11 or 3.12, nothing else.
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3,$(shell command -v $(name) 2>/dev/null)))
BIN := .venv/bin
READY := .venv/ready
# --max-worker-restart=0: after a test that crashes its process, pytest-xdist would wait for ever at the end (seen with 3.8 and loadgroup)
PYTEST := $(BIN)/pytest -n 2 --dist loadgroup --max-worker-restart=0 --durations=10 -rs

# Where CI is set, what failed (1; other codes are no verdict) is tried once more by itself: who waits for a clock on a busy machine may fail once, who is wrong fails twice.
define pytest
$(PYTEST) -m "$(1)" || { [ $$? = 1 ] && [ -n "$(CI)" ] && echo "what failed is tried once more:" \
  && EMBERFLOW_TESTS_UNTIL= $(PYTEST) -m "$(1)" --last-failed --last-failed-no-failures=none; }
endef

.DEFAULT_GOAL := help
.PHONY: help audit setup run test test-long test-longest test-all lint benchmark lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(READY)  ## make .venv and install what requirements.lock says

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null \
	  || { echo "needs Python 3.11 or 3.12, found '$(PYTHON)'; name one: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv --clear .venv
	@awk '/^[^ ]/ {is_pip = /^pip==/} is_pip' requirements.lock > .venv/pip.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/pip.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

run: $(READY)  ## the whole chain on the smart-watch example: table, report, bundle, MLflow
	$(BIN)/emberflow run examples/watch/emberflow.yaml

test: $(READY)  ## lint, types, import contracts, and all tests but the long ones
	$(MAKE) lint
	$(call pytest,not long and not longest)

test-long: $(READY)  ## what takes minutes: the stack, the pages in a browser, every example and task, mutants of Keras files
	$(call pytest,long)

test-longest: $(READY)  ## kills, servers that are away, eight runs at once, a week, MLPerf Tiny's four
	$(call pytest,longest)

test-all: test test-long test-longest  ## every test there is

lint: $(READY)  ## ruff, mypy and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

benchmark: $(READY)  ## time the chain against the same calls made by hand
	$(BIN)/python benchmarks/pipeline.py

audit: $(READY)  ## ask for known vulnerabilities of the locked packages; ends with 3 where no advisory service answers
	@$(BIN)/python .ci/audit.py $(or $(SERVICE),pypi)

lock:  ## resolve pyproject.toml anew into requirements.lock
	$(PYTHON) -m venv .venv/lock
	.venv/lock/bin/python -m pip install --quiet --disable-pip-version-check uv
	.venv/lock/bin/uv pip compile pyproject.toml --extra dev --extra chip --extra team --extra s3 --extra browser --universal --python-version 3.11 --generate-hashes --no-header \
	  --prerelease if-necessary-or-explicit --quiet -o requirements.lock

clean:  ## remove the virtual environment and everything that runs made
	rm -rf .venv .emberflow
