# `make run` and `make test` do everything on a fresh machine with Python 3.11 or later.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# A search needs the package alone; an environment that has the development tools too will do.
PACKAGE := $(or $(wildcard $(INSTALLED)),$(VENV)/.package)
PIP_INSTALL = $(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt
# By a path: Python then finds the package also from the folder above this one, whose own name is that of the package.
EDITABLE = --config-settings editable_mode=compat --editable

.PHONY: install run test test-slow test-faults test-anywhere lint format bench docs gallery dist clean

install: $(INSTALLED)

run: $(PACKAGE)  ## install, and search the dropout space on a dataset that ships with scikit-learn
	$(BIN)/fcsearch run --space search_spaces/dropout.yaml

test: lint  ## linters, types, import contracts and tests; those that start Ray have the machine to themselves
	$(BIN)/python -m pytest -n 2 -m "not ray and not slow"
	$(BIN)/python -m pytest -m "ray and not slow"

test-slow: $(INSTALLED)  ## the tests that take longer than about ten seconds each, and campaigns of minutes
	$(BIN)/python -m pytest -m slow

# Those that docs/reliability.md names.
FAULTS := tests/faults tests/results tests/search/record tests/search/remote tests/cli/test_cli_remote.py \
	tests/search/local_pool tests/search/loop/test_search_upcoming.py \
	tests/search/pool/test_search_pack_checkpoints.py \
	tests/search/ray_pool/test_search_actors.py tests/search/ray_pool/test_search_cluster.py \
	tests/search/ray_pool/test_search_driver.py tests/search/ray_pool/test_search_guard.py \
	tests/search/ray_pool/test_search_versions.py \
	tests/search/test_search_beginning.py tests/search/test_search_checkpoints.py tests/search/test_search_cut.py \
	tests/search/test_search_damaged.py tests/search/test_search_end_to_end.py \
	tests/search/test_search_interrupted.py tests/search/test_search_ray_dies.py \
	tests/search/test_search_unfinished.py tests/training/test_pack_checkpoint.py

test-faults: $(INSTALLED)  ## searches that are cut, killed, starved and damaged; see docs/reliability.md
	@[ "$$(id -u)" = 0 ] || echo "Without root, tests with hosts and small disks are skipped; the last lines name them."
	$(BIN)/python -m pytest -n 2 -m "not ray" --durations 20 $(FAULTS)
	$(BIN)/python -m pytest -m ray --durations 20 $(FAULTS)

test-anywhere: $(INSTALLED)  ## the tests in other surroundings: order, temporary folders, no compiler, another user
	.ci/anywhere

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(INSTALLED)  ## the CPU benchmarks, in some 15 minutes on two quiet cores; see docs/performance.md
	$(BIN)/python benchmarks/step.py
	$(BIN)/python benchmarks/mixed.py --rounds 3
	$(BIN)/python benchmarks/driver.py --runs random:10000,tpe:1000 --no-ray
	$(BIN)/python benchmarks/search.py --cases digits --ray-trials 8 --rounds 1
	$(BIN)/python benchmarks/search.py --cases cifar10 --trials 12 --epochs 2 --ray-trials 6 --rounds 1
	$(BIN)/python benchmarks/quality_over_time.py --datasets digits --seeds 1 --times 5,10,20 --again --no-save

docs: $(INSTALLED)  ## the documentation as a site, build/website/site; a broken link is an error
	$(PIP_INSTALL) --quiet $(EDITABLE) ".[docs]"
	$(BIN)/python website/generated.py
	$(BIN)/python website/assemble.py build/website
	cd build/website && $(abspath $(BIN))/zensical build --clean --strict

gallery: $(INSTALLED)  ## the pictures of README and docs, and three finished reports in build/gallery; some ten minutes
	$(BIN)/python website/readme.py
	$(BIN)/python website/gallery.py

dist: $(INSTALLED)  ## the wheel, and the versions that it is tested with: what the nodes of cluster.yaml install
	rm -rf dist build
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .
	cp constraints.txt dist/

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

$(INSTALLED): pyproject.toml constraints.txt
	@echo "installing fcsearch and the development tools in $(VENV): some minutes, 2.5 GB, several GB more with CUDA"
	$(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) $(EDITABLE) ".[dev]"
	touch $@

$(VENV)/.package: pyproject.toml constraints.txt
	@echo "installing fcsearch in $(VENV): some minutes, 1.5 GB, several GB more with CUDA"
	$(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) $(EDITABLE) .
	touch $@
