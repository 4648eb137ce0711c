# make run: install and run the main job.  make quick: what to run while working, in two minutes.  make test: install and run
# everything that a change must pass.  make slow: long campaigns.  make lint: that without the tests.  make docs: the documentation as a site.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.stamp
# one thread of linear algebra for each process, of which there are as many as processors
PYTEST_ALL := OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile --durations=25
# tests of functions; those of commands, examples and whole runs take longer
QUICK := tests/test_architecture.py tests/test_doctests.py tests/test_moved.py tests/records tests/phantoms tests/simulate \
	tests/analyze tests/validation/statistics tests/validation/evidence
# links laid out as a wheel would be: for mypy and others who follow imports without running anything, and so that no folder
# that happens to be called tsct hides the package
EDITABLE := --config-settings editable_mode=strict
ROOMS := tsct records phantoms simulate analyze validation apps

.PHONY: run quick test slow lint docs reference format clean FORCE

run: $(STAMP)-run
	@$(BIN)/tsct run wragg2023 --quick --overwrite -o out; status=$$?; \
	if [ $$status -eq 1 ] || [ $$status -eq 4 ]; then echo "(exit code $$status is the verdict; the run itself is complete)"; exit 0; fi; \
	exit $$status

quick: lint
	$(PYTEST_ALL) -m "not slow and not campaign" $(QUICK) $(PYTEST)

test: lint
	$(PYTEST_ALL) -m "not campaign" $(PYTEST)

# damaged files by the hundred, killed workers, every key with every value: before a release, and after changes there
slow: $(STAMP)-test
	$(PYTEST_ALL) -m campaign $(PYTEST)

lint: $(STAMP)-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python tests/installed_tree.py build/installed
	cd build/installed && ../../$(BIN)/mypy --config-file ../../pyproject.toml
	cd build/installed && ../../$(BIN)/lint-imports ../../pyproject.toml

docs: $(STAMP)-docs
	$(BIN)/python -m sphinx -W --keep-going -q docs build/docs
	@echo "open build/docs/index.html"

# the independent Debye engine: a CPU build of torch first, then the package
reference: $(STAMP)-reference

$(BIN)/python:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip

# which files there are: the links of the install follow when one comes or goes
$(STAMP)-files: $(BIN)/python FORCE
	@find $(ROOMS) -name __pycache__ -prune -o -type f -print | LC_ALL=C sort > $@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

$(STAMP)-run: pyproject.toml $(STAMP)-files
	$(BIN)/python -m pip install --quiet $(EDITABLE) -e .
	touch $@

$(STAMP)-test: pyproject.toml $(STAMP)-files
	$(BIN)/python -m pip install --quiet $(EDITABLE) -e ".[test]"
	touch $@ $(STAMP)-run

$(STAMP)-docs: pyproject.toml $(STAMP)-files
	$(BIN)/python -m pip install --quiet $(EDITABLE) -e ".[docs,explore]"
	touch $@

$(STAMP)-reference: $(STAMP)-test
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet debyecalculator
	touch $@

format:
	$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

clean:
	rm -rf .venv build out *.egg-info
