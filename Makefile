# Two commands: `make demo` shows the main job, `make test` runs all checks. Each sets itself up.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install -qq --disable-pip-version-check

.PHONY: demo test check lint bench docs venv wheel clean

demo: $(VENV)/.demo
	$(BIN)/reconciler demo

test: lint
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

# The fast part: no real systems, no processes.
check: lint
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile -m "not slow"

lint: $(VENV)/.test
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.test
	$(BIN)/python benchmarks/specs.py
	$(BIN)/python benchmarks/mapping.py
	$(BIN)/python benchmarks/sync.py
	$(BIN)/python benchmarks/plan.py
	$(BIN)/python benchmarks/loop.py
	$(BIN)/python benchmarks/idle.py
	$(BIN)/python benchmarks/metrics.py
	$(BIN)/python benchmarks/remap.py

# Pages that are generated from data files and models.
docs: $(VENV)/.test
	$(BIN)/python -m reconciler.datamodel.docs
	$(BIN)/python -m reconciler.datamodel.event_docs
	$(BIN)/python -c "from reconciler.spec.schema import reference_markdown as page; open('docs/specs.md', 'w').write(page())"
	$(BIN)/python -m reconciler.web.docs
	$(BIN)/python -m reconciler.telemetry.docs

venv: $(VENV)/.test

# What users install: the wheel, in a venv of its own, must tell the demo's story without this folder.
wheel: $(VENV)/.made
	rm -rf build dist .work/wheel
	$(BIN)/pip wheel -qq --disable-pip-version-check --no-deps --wheel-dir dist .
	$(PYTHON) -m venv .work/wheel
	.work/wheel/bin/pip install -qq --disable-pip-version-check --constraint constraints.txt dist/*.whl
	cd .work/wheel && bin/reconciler demo

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	    "reconciler needs Python 3.11 or newer, and $(PYTHON) is older; try make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) --constraint constraints.txt --upgrade pip
	touch $@

$(VENV)/.demo: $(VENV)/.made pyproject.toml constraints.txt
	$(PIP) --constraint constraints.txt --editable .
	touch $@

$(VENV)/.test: $(VENV)/.demo
	$(PIP) --constraint constraints.txt --group test --group tryton
	touch $@

clean:
	rm -rf $(VENV) .work build dist *.egg-info
