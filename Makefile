# Two commands: `make demo` and `make test`. Everything is installed into .venv.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
OUT    ?= out
CASE   ?= phantom
FROM   ?=

.PHONY: help install demo test lint check bench docs clean

help: ## what can be made here
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

install: $(VENV)/.installed ## the virtual environment with Terasu in it

# torch first and pinned; pydosert without rt-utils, which it names but which nothing here needs. Kernels are
# compiled once here, not in the first run.
$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Terasu needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; say make PYTHON=python3.11 …" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[deformable,train,dev]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps pydosert==1.5.0
	$(BIN)/terasu doctor --compile
	@touch $@

demo: install ## the main job on the built-in patient; CASE=pancreas FROM=folder for the real one
ifeq ($(CASE),phantom)
	@$(BIN)/terasu demo --out $(OUT)/demo --overwrite
else
	@$(BIN)/terasu example $(CASE) $(if $(FROM),--from $(FROM)) --out $(OUT)/$(CASE) --overwrite
endif

test: install lint ## style, types, import walls and all tests
	$(BIN)/python -m pytest -n 2 -m "not slow"

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: install lint ## everything, the slow and complete checks too, on newly drawn cases
	$(BIN)/python -m pytest -n 2 --hypothesis-profile=default

bench: install ## the main job's figures beside their bars
	$(BIN)/python benchmarks/main_job.py

docs: install ## the documentation as pages in site/
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[docs]' -c constraints.txt
	$(BIN)/mkdocs build --strict

clean: ## remove what was made, not the virtual environment
	rm -rf $(OUT) site build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
