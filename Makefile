# `make demo` and `make test` each work by themselves on a bare machine with Python 3.11, pip, make and git.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PLUGINS := $(addprefix plugins/,tabular mlflow dvc models triton ray hps)
EXTRAS_hps := [notebook]
EXTRAS_models := [sklearn]
EXTRAS_triton := [server]
# A worker that dies ends the run: with another in its place, xdist 3.8 waits for ever for files that nobody has.
PARALLEL := -n auto --dist loadfile --max-worker-restart=0
STAMP := $(VENV)/.installed
SOURCES := cmcore $(foreach plugin,$(PLUGINS),$(plugin)/cmcore_$(notdir $(plugin))) plugins/hps/hps examples benchmarks

.PHONY: help demo test slow check unit format lint types imports docs bench faults fuzz golden clean install

help:  ## what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 12

install: $(STAMP)  ## make .venv with cmcore, its plugins and the tools

$(STAMP): pyproject.toml constraints.txt $(wildcard plugins/*/pyproject.toml)
	@command -v $(PYTHON) >/dev/null || { echo "cmcore needs Python 3.11; set PYTHON=/path/to/python3.11" >&2; exit 78; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode -c constraints.txt \
	    --group dev -e '.[postgresql,s3,signing]' $(foreach plugin,$(PLUGINS),-e '$(plugin)$(EXTRAS_$(notdir $(plugin)))')
	@touch $@

demo: $(STAMP)  ## run the flights example: raw data to a served model
	@$(BIN)/python examples/flights/demo.py

test: $(STAMP)  ## everything that needs under 30 minutes: unit, integration, examples, a short round of faults
	$(BIN)/python -m pytest -m "not gpu and not slow" $(PARALLEL) --durations=15

slow: $(STAMP)  ## what `make test` leaves out: every failpoint, updates and pools on Ray (minutes)
	$(BIN)/python -m pytest -m "slow and not gpu" --durations=15

fuzz: $(STAMP)  ## the property tests with examples that nobody has tried yet
	$(BIN)/python -m pytest -m "hypothesis and not slow and not gpu" $(PARALLEL) --hypothesis-profile=default

check: format lint types imports unit docs  ## what a commit must pass

unit: $(STAMP)
	$(BIN)/python -m pytest tests/unit tests/architecture plugins -m "not integration and not faults and not gpu and not slow" \
	    -n auto --cov --cov-report=term:skip-covered -q

format: $(STAMP)
	$(BIN)/ruff format --check .

lint: $(STAMP)
	$(BIN)/ruff check .

types: $(STAMP)
	$(BIN)/mypy $(SOURCES)

imports: $(STAMP)
	$(BIN)/lint-imports

docs: $(STAMP)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: $(STAMP)  ## measure against the budgets and a floor in the same run
	@$(BIN)/python -m benchmarks --write --json build/benchmarks.json

faults: $(STAMP)  ## kill it everywhere and count what is lost (minutes)
	$(BIN)/python -m tests.faults

golden: $(STAMP)  ## rewrite the golden files of the tests
	CM_GOLDEN=1 $(BIN)/python -m pytest tests/unit plugins -q -k golden

clean:  ## remove what was made here
	rm -rf $(VENV) .cm site build examples/*/.cm examples/*/data examples/*/pushed .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
