# Two commands do everything on a fresh machine: `make demo` and `make test`.
# python3 (3.11 or newer), make and the package registries are all that is needed.

SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore
# Some machines switch byte code off; every process would then compile a thousand files at its start.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup demo test soak bench lint lock wheel clean

help:  ## show this list
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/run.stamp: requirements.txt pyproject.toml deploy/development/environment.sh
	@sh deploy/development/environment.sh run "$(PYTHON)"

.venv/dev.stamp: requirements.txt requirements-dev.txt pyproject.toml deploy/development/environment.sh
	@sh deploy/development/environment.sh dev "$(PYTHON)"

setup: .venv/dev.stamp  ## install everything for development (locked, with hashes)

demo: .venv/run.stamp  ## three units in one deployment with fictitious data; Ctrl-C stops, data are kept
	@$(BIN)/minqing demo $(ARGS)

test: .venv/dev.stamp  ## all tests, on real PostgreSQL, HTTP, queue and browser
	@sh deploy/development/test-services.sh
	@$(BIN)/python -m pytest $(or $(TESTS),tests) -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: .venv/dev.stamp  ## style, types, walls
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports && $(BIN)/mypy

soak: .venv/dev.stamp  ## five units under every fault there is; ARGS="--seed 1 --steps 10000"
	@$(BIN)/python -m tests.exchange.harness $(ARGS)

bench: .venv/dev.stamp  ## measure, print ratios, write bench.json
	@$(BIN)/python -m tests.bench $(ARGS)

lock: .venv/dev.stamp  ## make the lock files anew from pyproject.toml
	@$(BIN)/uv pip compile pyproject.toml --generate-hashes --no-emit-index-url --no-annotate --no-header -q -o requirements.txt
	@$(BIN)/uv pip compile pyproject.toml --group dev --generate-hashes --no-emit-index-url --no-annotate --no-header -q -o requirements-dev.txt

wheel: .venv/dev.stamp  ## build the wheel into dist/
	@rm -rf dist && $(BIN)/hatchling build -t wheel

clean:  ## remove the environment and what tools left; demonstration data under var/ stay
	@rm -rf .venv build dist .mypy_cache* .ruff_cache .pytest_cache .import_linter_cache .hypothesis
