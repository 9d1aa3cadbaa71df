# make demo   the demo from nothing: environment, then the whole pipeline
# make test   the tests
# make lint   style, format and types
# make bench  speed of the kernels
# make clean  removes the environment, all results and what Snakemake knows of them
# make gpu-check  tests, speed and whole runs on a CUDA GPU, into benchmarks/results

python ?= python3
bin := .venv/bin
# Every job and most tests start Python anew: what it compiled of the modules is kept, even where the shell says otherwise.
unexport PYTHONDONTWRITEBYTECODE

# what the kernels need on a machine with an NVIDIA GPU
extra := $(if $(shell command -v nvidia-smi),[cuda])

.PHONY: demo test lint bench gpu-check clean

demo: .venv/installed
	$(bin)/snakemake --cores all

# three at a time: many use several cores, others wait for a scheduler
test: .venv/installed-test
	$(bin)/python -m pytest -n 3 --dist loadfile

lint: .venv/installed-lint
	$(bin)/ruff check .
	$(bin)/ruff format --check .
	$(bin)/mypy
	$(bin)/snakefmt --check --diff workflow

bench: .venv/installed
	$(bin)/python -m benchmarks.kernels

gpu-check: .venv/installed-test
	$(bin)/python -m benchmarks.gpu_check $(if $(parts),--only $(parts))

# The package is installed in place: only a change of what it requires installs again.
# Modules are compiled when they are first imported; most of torch's never are.
install := $(bin)/python -m pip install --disable-pip-version-check --quiet --no-compile --editable

.venv/installed: pyproject.toml | .venv/bin/python
	$(install) '.$(extra)'
	touch $@

.venv/installed-test: .venv/installed
	$(install) '.[test]'
	touch $@

.venv/installed-lint: .venv/installed
	$(install) '.[lint]'
	touch $@

.venv/bin/python:
	$(python) -m venv .venv

clean:
	rm -rf .venv results .snakemake
