# Each command makes what it needs first: the environment, the dependencies, the browser.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
PORT ?= 8765
SMOKE := tests/faces tests/contract tests/providers tests/unit/layers tests/unit/batches tests/unit/sweep tests/unit/test_figure.py tests/unit/test_photo.py

# What needs no other process; the rest of the tests starts kernels, servers, clusters and terminals.
UNIT := tests/unit tests/providers tests/faces tests/test_guards.py tests/test_contributing.py

# Interpreters are started by the hundred; without this each may compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test unit whole browser lab serve bench load siege fuzz docs notebooks pictures lint build release-check lowest audit clean
.DEFAULT_GOAL := demo

demo: $(VENV)/demo.installed ## execute the first notebook on real photos; page and pictures go to build/demo
	$(BIN)/python -m retouch_nb demo

test: unit whole browser ## everything that must hold

unit: $(VENV)/test.installed ## what starts no other program, while you work
	$(BIN)/pytest -n 2 --dist loadfile retouch_nb $(UNIT)

whole: $(VENV)/test.installed
	$(BIN)/pytest -n 2 --dist loadfile -m "not browser and not release" tests $(UNIT:%=--ignore=%)

browser: $(VENV)/test.installed chromium
	$(BIN)/pytest -m browser tests/browser

lab: $(VENV)/demo.installed ## JupyterLab on the notebooks
	$(BIN)/jupyter lab notebooks

serve: $(VENV)/demo.installed ## the embedded engine on a port
	$(BIN)/python -m retouch_nb serve --port $(PORT)

bench: $(VENV)/bench.installed chromium ## beside the peers, in one run, and written into the README; TOPIC=removal for one
	$(BIN)/python -m tests.bench $(TOPIC) && $(BIN)/python -m retouch_nb docs

load: $(VENV)/test.installed ## a thousand submissions from fifty clients, with faults switched on
	$(BIN)/python -m tests.load.siege

siege: $(VENV)/test.installed ## a hundred processes killed at random moments, and what the next ones find
	$(BIN)/python -m tests.load.kills

FUZZ_SECONDS ?= 60
fuzz: $(VENV)/test.installed ## every parser of what strangers write, led by coverage; findings in build/fuzz
	$(BIN)/python -m pip install --disable-pip-version-check -q "atheris>=2.3"
	$(BIN)/python -m tests.fuzz --seconds $(FUZZ_SECONDS)

docs: $(VENV)/test.installed ## write the tables of the README anew, and the reference as pages
	$(BIN)/python -m retouch_nb docs
	$(BIN)/python -m retouch_nb docs build/reference

notebooks: $(VENV)/test.installed ## execute notebooks that were changed, and keep their outputs in them; NAMES="01_quickstart" for some
	$(BIN)/python tests/notebooks/keep.py $(NAMES)

pictures: $(VENV)/test.installed chromium ## take the pictures of the README in JupyterLab
	$(BIN)/pytest tests/browser/pictures.py

lint: $(VENV)/test.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m retouch_nb docs --check

build: $(VENV)/test.installed ## sdist and wheel, in dist
	$(BIN)/python -m build

release-check: $(VENV)/test.installed ## both built, installed into an empty environment, and used there
	$(BIN)/pytest -m release tests/release

lowest: $(VENV)/test.installed ## the lower bounds of all dependencies, installed and tried
	mkdir -p build && $(BIN)/python tests/release/lowest.py fast onnx psd dask data demo >build/lowest.txt
	rm -rf build/lowest && $(PYTHON) -m venv build/lowest
	build/lowest/bin/python -m pip install --disable-pip-version-check -q -c build/lowest.txt -e ".[fast,onnx,psd,dask,data,demo]" \
		hypothesis onnx polars pytest pytest-xdist requests
	build/lowest/bin/pytest -n 2 --dist loadfile $(SMOKE)

audit: $(VENV)/test.installed ## known vulnerabilities of what is installed; asks PyPI
	$(BIN)/python tests/release/audit.py

clean:
	rm -rf $(VENV) build dist

.PHONY: chromium
chromium: ## a browser for the browser tests: the system's, or one that Playwright fetches
	@command -v chromium chromium-browser google-chrome >/dev/null || \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then apt-get update -q && apt-get install -qy chromium; \
	else $(BIN)/playwright install chromium; fi

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later with venv is needed (Debian: apt-get install python3-venv)."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/%.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check -q -e ".[$*]"
	@touch $@
