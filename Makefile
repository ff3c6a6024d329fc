# `make run` and `make test` need nothing but Python 3.11 or newer and make; everything else is installed into .venv.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then echo $$p; break; fi; done)
VENV := .venv/bin/python

.PHONY: help run test model soak bench bench-peers check lock clean
.DEFAULT_GOAL := help

help: ## list these targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/make \1|\2/p' Makefile | while IFS='|' read -r t d; do printf '%-17s %s\n' "$$t" "$$d"; done

run: bootstrap-run ## start imagehost with everything it needs; Ctrl-C stops it
	@$(VENV) -m imagehost up

test: bootstrap-test ## run all tests (gets a Chromium if there is none)
	@$(VENV) -m pytest -n 2 --dist loadfile

model: bootstrap-test ## explore the protocol's model further than the tests do (minutes)
	@$(VENV) -m tests.model

soak: bootstrap-test ## random histories on the real stack, and on a cluster, for MINUTES=10 each
	@SOAK_MINUTES=$(or $(MINUTES),10) $(VENV) -m pytest tests/faults/test_histories.py tests/faults/test_cluster_histories.py

bench: bootstrap-bench ## measure, beside the least that is possible; with a million images: FULL=1
	@$(VENV) -m bench $(if $(FULL),--full)

bench-peers: bootstrap-bench ## install what make bench compares with: wrk, two Node servers, granian, libvips
	@$(VENV) -m bench.install

check: bootstrap-check ## ruff, mypy and import-linter
	@$(VENV) -m ruff check .
	@$(VENV) -m ruff format --check .
	@$(VENV) -m mypy
	@$(VENV) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'

lock: bootstrap-check ## compile requirements*.in into the pinned files; UPGRADE=--upgrade takes newer versions
	@for name in requirements requirements-embedded requirements-granian requirements-dev bench/peers/requirements; do \
		$(VENV) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-index-url \
			--no-emit-find-links --custom-compile-command 'make lock' $(UPGRADE) $$name.in -o $$name.txt || exit 1; done

clean: ## remove .venv and caches; data stays
	@rm -rf .venv bench/peers/node_modules bench/peers/site-packages .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage htmlcov
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: bootstrap-run bootstrap-test bootstrap-bench bootstrap-check
bootstrap-run bootstrap-test bootstrap-bench bootstrap-check:
	@test -n "$(PYTHON)" || { echo "imagehost needs Python 3.11 or newer: install it (Debian, Ubuntu: the packages python3 and python3-venv), or name it: make PYTHON=/path/to/python3" >&2; exit 2; }
	@$(PYTHON) -m tools.bootstrap $(patsubst bootstrap-%,%,$@)
