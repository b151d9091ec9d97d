# make app    serve the portal on http://127.0.0.1:7860 (HOST and PORT change that)
# make test   lint, types and tests
# make demo   write build/demo.mp4 from the bundled examples

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# A python3 of 3.11 or newer; another one: make PYTHON=python3.12 app
PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 7860
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet
# Processes that run tests side by side (tests/workers.py); each imports torch, so more than two only costs
# memory here.
JOBS ?= 2

export GRADIO_ANALYTICS_ENABLED := False

.PHONY: help app test demo audit browser postgres weights clean

help:
	@sed -n 's/^# //p' $(firstword $(MAKEFILE_LIST)) | head -3

app: weights
	HOST=$(HOST) PORT=$(PORT) $(BIN)/python app.py

demo: weights
	@mkdir -p build
	$(BIN)/python -m lipsync generate --face assets/examples/portrait.mp4 \
		--audio assets/examples/english.wav --out build/demo.mp4

# The summary of pytest comes last. One thread for each process: OpenMP's threads of several processes wait
# for one another, spinning.
test: $(VENV)/.dev browser postgres
	$(BIN)/ruff check .
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS)

# Known holes in the installed packages, as PyPI lists them; see "On a public address" in docs/configuration.md.
audit: $(VENV)/.dev
	$(BIN)/pip-audit --local --progress-spinner off

# Weights that others publish, those of the best core included; what cannot be had is said in a sentence and
# asked for again when used.
weights: $(VENV)/.app
	@$(BIN)/python -m lipsync weights --defaults \
		|| echo "Weights were not fetched now; they will be when they are first used."

# Debian's Chromium for the browser tests. Without it those tests are skipped, with the reason.
browser:
	@if ! command -v chromium > /dev/null && [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
		echo "Installing Chromium for the browser tests"; \
		{ apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
			chromium fonts-wqy-microhei; } > /dev/null 2>&1 \
			|| echo "Chromium cannot be installed here; the browser tests will be skipped."; \
	fi

# Debian's PostgreSQL for the tests of studies, which start a server of their own. Without it they are skipped.
postgres:
	@if ! ls /usr/lib/postgresql/*/bin/postgres > /dev/null 2>&1 && [ "$$(id -u)" = 0 ] \
			&& command -v apt-get > /dev/null; then \
		echo "Installing PostgreSQL for the tests of studies"; \
		{ apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
			postgresql; } > /dev/null 2>&1 \
			|| echo "PostgreSQL cannot be installed here; its tests will be skipped."; \
	fi

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.app: requirements.txt $(VENV)/.python
	$(PIP) install -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.app
	$(PIP) install -r requirements-dev.txt
	@touch $@

clean:
	rm -rf $(VENV) build
