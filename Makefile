# make run: install and run the main job.  make test: install and run every test.  make docs: the documentation as a site.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.stamp

.PHONY: run test docs reference format clean

run: $(STAMP)-run
	@$(BIN)/tsct run wragg2023 --quick --overwrite -o out; status=$$?; \
	if [ $$status -eq 1 ] || [ $$status -eq 4 ]; then echo "(exit code $$status is the verdict; the run itself is complete)"; exit 0; fi; \
	exit $$status

test: $(STAMP)-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python tests/installed_tree.py build/installed
	cd build/installed && ../../$(BIN)/mypy --config-file ../../pyproject.toml
	cd build/installed && ../../$(BIN)/lint-imports --config ../../pyproject.toml
	# one thread of linear algebra for each process, of which there are as many as processors
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile $(PYTEST)

docs: $(STAMP)-docs
	$(BIN)/python -m sphinx -W --keep-going -q docs build/docs
	@echo "open build/docs/index.html"

# the independent Debye engine: a CPU build of torch first, then the package
reference: $(STAMP)-reference

$(BIN)/python:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip

$(STAMP)-run: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet -e .
	touch $@

$(STAMP)-test: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet -e ".[test]"
	touch $@ $(STAMP)-run

$(STAMP)-docs: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet -e ".[docs,explore]"
	touch $@

$(STAMP)-reference: $(STAMP)-test
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet debyecalculator
	touch $@

format:
	$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

clean:
	rm -rf .venv build out *.egg-info
