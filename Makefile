# Every target does all of its own set-up; `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.synced

# `operator/` must never shadow the standard library's module of that name.
export PYTHONSAFEPATH := 1
# The arrays are small: threads of the linear algebra only take the processors from the other programs.
export OPENBLAS_NUM_THREADS := 1
export TF_CPP_MIN_LOG_LEVEL := 2
# A PYTHONPATH of the caller must not change what is tested; the package is installed editable.
export PYTHONPATH := $(CURDIR)/deploy/local

LOCK := $(BIN)/uv pip compile --quiet --generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links \
	--no-header --python-version 3.11 --universal

# Most of a test against a real control plane is waiting, so two workers take half the time; a file stays together,
# since its tests share a cluster.
SIDE_BY_SIDE := --numprocesses=2 --dist=loadfile

.PHONY: help venv lock binaries lint types unit integration kill-matrix fault-matrix node test crds scenarios model demo bench-detection bench-constants bench-days bench-left-out bench-explanation bench-forecast bench-scale clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 18

venv: $(STAMP) ## Make .venv with everything the lock file names

$(STAMP): requirements/bootstrap.txt requirements/dev.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Podvigil needs Python 3.11 or newer, and there is no $(PYTHON): run make PYTHON=python3.11 (or newer)" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"Podvigil needs Python 3.11 or newer, and $(PYTHON) is {v[0]}.{v[1]}: run make PYTHON=python3.11 (or newer)")'
	@echo "Making $(VENV): about a minute the first time"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@# Syncing removes pip itself, so it is there only the first time; uv keeps itself in step afterwards.
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements/bootstrap.txt requirements/dev.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --offline --editable .
	@touch $@

lock: venv ## Resolve the dependencies anew, into requirements/
	$(LOCK) pyproject.toml --extra train --extra dev -o requirements/dev.lock
	$(LOCK) pyproject.toml -c requirements/dev.lock -o requirements/operator.lock
	echo hatchling | $(LOCK) - -c requirements/dev.lock -o requirements/build.lock
	echo uv | $(LOCK) - -o requirements/bootstrap.txt

binaries: venv ## Find or build the programs of the local control plane
	@$(BIN)/python -m localcluster.binaries

lint: venv ## Style, formatting and the layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-cache

types: venv ## Types, strictly
	$(BIN)/mypy

unit: venv ## Tests that need no cluster
	$(BIN)/pytest $(SIDE_BY_SIDE) tests/unit

integration: venv binaries ## Tests against a real control plane
	$(BIN)/pytest $(SIDE_BY_SIDE) tests/integration

kill-matrix: venv binaries ## Kill executors at every step of every story; `make test` does so in a few
	PODVIGIL_WHOLE_KILL_MATRIX=1 $(BIN)/pytest tests/integration/test_kill_matrix.py

fault-matrix: venv binaries ## Give every call of every action every answer; `make test` does so in a few
	PODVIGIL_WHOLE_FAULT_MATRIX=1 $(BIN)/pytest -rP -p no:logging --show-capture=stdout tests/integration/test_fault_matrix.py

node: venv binaries ## Tests on a real kubelet: needs root, and runc from your distribution
	@$(BIN)/python -m localcluster.node
	$(BIN)/pytest tests/node

test: lint types unit integration ## Everything that must pass before a change lands

crds: venv ## Write crds/ from the models
	$(BIN)/python -m podvigil.api.crd crds/

scenarios: venv ## Write docs/scenarios.md from tests/scenarios
	@PYTHONPATH=$(PYTHONPATH):$(CURDIR)/tests $(BIN)/python -m stories.table docs/scenarios.md

model: venv ## Train the model and write models/; DATA=folder adds real series
	$(BIN)/python -m podvigil.training.make models/ $(if $(DATA),--data $(DATA))

demo: venv binaries ## From nothing to a repaired workload; KEEP=1 leaves it running
	@$(BIN)/python -m demo $(if $(KEEP),--keep)

clean: ## Remove what was made here; the built programs stay in the cache
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

bench-detection: venv ## Judge our detector and others; DATA=folder holds the labelled sets, MODELS=folders our seeds
	@PYTHONPATH=$(CURDIR)/benchmarks $(BIN)/python -m detection.run $(if $(DATA),--data $(DATA)) $(addprefix --model ,$(MODELS))
	@PYTHONPATH=$(CURDIR)/benchmarks $(BIN)/python -m detection.calibration $(if $(DATA),--data $(DATA)) --leave-out

bench-constants: venv ## Choose every constant of the score with each cluster left out: an hour; DATA=folder
	@PYTHONPATH=$(CURDIR)/benchmarks $(BIN)/python -m constants.run $(if $(DATA),--data $(DATA))

bench-days: venv ## Judge our modes on several generated days with exact labels; ARGS="--quick" for a first look
	@PYTHONPATH=$(CURDIR)/benchmarks $(BIN)/python -m days.run $(ARGS)

bench-left-out: venv ## See what the network knows of kinds of faults that it was not trained on
	$(BIN)/python -m podvigil.training.left_out benchmarks/results/left_out.md $(ARGS)

bench-explanation: venv ## See how often the explanation names the right vital first
	@PYTHONPATH=$(CURDIR)/benchmarks $(BIN)/python -m explanation.run

bench-forecast: venv ## Judge the time-to-limit forecast on generated leaks
	@PYTHONPATH=$(CURDIR)/benchmarks $(BIN)/python -m forecast.run

bench-scale: venv ## Measure memory and CPU for 1,000 to 150,000 pods; DATA=folder adds what the compact form loses
	@PYTHONPATH=$(CURDIR)/benchmarks $(BIN)/python -m scale.run $(if $(DATA),--data $(DATA))
