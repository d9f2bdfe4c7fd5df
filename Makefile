# Two commands: `make demo` shows the main job, `make test` runs all checks. Each sets itself up.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check

.PHONY: demo test check lint bench docs clean

demo: $(VENV)/.demo
	$(BIN)/reconciler demo

test: lint
	$(BIN)/python -m pytest

# The fast part: no real systems, no processes.
check: lint
	$(BIN)/python -m pytest -m "not slow"

lint: $(VENV)/.test
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.test
	$(BIN)/python benchmarks/specs.py
	$(BIN)/python benchmarks/mapping.py
	$(BIN)/python benchmarks/sync.py

# Pages that are generated from data files and models.
docs: $(VENV)/.test
	$(BIN)/python -m reconciler.datamodel.docs
	$(BIN)/python -c "from reconciler.spec.schema import reference_markdown as page; open('docs/specs.md', 'w').write(page())"
	$(BIN)/python -m reconciler.web.docs

$(VENV)/.made:
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade pip
	touch $@

$(VENV)/.demo: $(VENV)/.made pyproject.toml constraints.txt
	$(PIP) --constraint constraints.txt --editable .
	touch $@

$(VENV)/.test: $(VENV)/.demo
	$(PIP) --constraint constraints.txt --group test --group tryton
	touch $@

clean:
	rm -rf $(VENV) .work build dist *.egg-info
