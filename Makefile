# `make demo` and `make test` do everything on a fresh machine: each makes .venv first if it is absent.
SHELL := /bin/bash
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
EVIDENCE ?= reduced
OUT ?= out
JOBS ?= 2

# Two pytest workers share the machine: no library underneath starts threads of its own. Each takes whole files, so that
# no fixture of a file is made twice.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1

.PHONY: help demo test lint types imports pytest evidence docs spark bench lock maps release-check clean
help:
	@echo "make demo      run the main job: real data when at hand, else a simulated case, into $(OUT)/"
	@echo "make test      lint, types, directions of import, quick tests"
	@echo "make evidence  statistical evidence; EVIDENCE=reduced (default) or full"
	@echo "make docs      the site into build/docs: every warning an error, all code run, links inside it checked"
	@echo "make spark     the same panel from Spark in local mode: own environment, 400 MB, needs Java"
	@echo "make bench     measurements of speed; those on published data need SSINFER_DATA_DIR"
	@echo "make maps      tables of the documents, written anew from the code"
	@echo "make release-check  wheel and sdist, tried in clean environments with newest and oldest dependencies"
	@echo "make lock      resolve requirements.lock again (needs uv)"

# Libraries are installed again only when the lock changes, the package itself only when its entry points may have.
# numba keeps what `precompile` compiles beside the source: half a minute once, which no demo or test then waits for.
$(VENV)/.locked: requirements.lock
	@if ! $(BIN)/python -c '' 2>/dev/null; then \
	  python="$$(.ci/python)" && echo "Making $(VENV) with $$python" && "$$python" -m venv --clear $(VENV); fi
	$(PIP) install --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.installed: $(VENV)/.locked pyproject.toml
	$(PIP) install --no-deps --no-build-isolation -e .
	$(BIN)/ssinfer precompile --jobs $(JOBS)
	@touch $@

demo: $(VENV)/.installed
	@study="$$($(BIN)/python .ci/demo_study.py)" && \
	  $(BIN)/ssinfer run "$$study" --out "$(OUT)/$$(basename "$$(dirname "$$study")")" --jobs $(JOBS)

test: lint types imports pytest

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed
	$(BIN)/mypy

imports: $(VENV)/.installed
	$(BIN)/lint-imports --no-logo

pytest: $(VENV)/.installed
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not evidence"

# pytest's status 5 means that nothing was collected: said in words, and no failure while no evidence exists.
evidence: $(VENV)/.installed
	SSINFER_EVIDENCE=$(EVIDENCE) $(BIN)/python -m pytest tests -m evidence -n 2 -rP || \
	  { status=$$?; [ $$status -eq 5 ] && echo "No test is marked as evidence yet." || exit $$status; }
	@$(MAKE) --no-print-directory spark

docs: $(VENV)/.installed
	$(BIN)/python -m sphinx -W --keep-going -q -E -j $(JOBS) -b html docs build/docs
	@echo "The site: build/docs/index.html"

# PySpark is 400 MB: a folder of its own beside the environment, and only where there is a JVM.
$(VENV)-spark/.locked: requirements-spark.lock $(VENV)/.installed
	@rm -rf $(VENV)-spark
	$(PIP) install --require-hashes --no-deps --target $(VENV)-spark -r requirements-spark.lock
	@touch $@

spark: $(VENV)/.installed
	@if ! java -version >/dev/null 2>&1; then echo "No Java here: the test of claims on Spark is skipped."; else \
	  $(MAKE) --no-print-directory $(VENV)-spark/.locked && PYTHONPATH=$(CURDIR):$(CURDIR)/$(VENV)-spark PYSPARK_PYTHON=$(BIN)/python \
	    $(BIN)/python -m pytest -o addopts="" -p no:cacheprovider -rP -m evidence tests/evidence/test_claims_on_spark.py; fi

bench: $(VENV)/.installed
	@for script in tests/speed/bench_*.py; do echo "== $$script"; $(BIN)/python "$$script" || exit 1; done

lock:
	@command -v uv >/dev/null || { echo "make lock needs uv: python -m pip install uv"; exit 1; }
	uv pip compile --universal --generate-hashes --python-version 3.12 pyproject.toml --all-extras -o requirements.lock
	uv pip compile --universal --generate-hashes --python-version 3.12 .ci/spark.in -c requirements.lock -o requirements-spark.lock

maps: $(VENV)/.installed
	$(BIN)/python .ci/maps.py

# Not part of `.ci/run`: clean environments of every Python here take about ten minutes each.
release-check: $(VENV)/.installed
	$(BIN)/python .ci/release_check.py

clean:
	rm -rf $(VENV) $(VENV)-spark out dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
