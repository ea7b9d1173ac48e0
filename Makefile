# Each target makes the environment that it needs, a folder .venv-<name>, with nothing but
# Python's own venv and pip. Made once, it stays until pyproject.toml, constraints.txt or the
# Python version changes.

PYTHON ?= python3
ARGS ?=
export PIP_DISABLE_PIP_VERSION_CHECK = 1

VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
ready = .venv-$(1)/ready-$(VERSION)
.PRECIOUS: $(call ready,%)

# What goes into each environment. A group is a [dependency-groups] table of pyproject.toml.
IN_demo = -e . scikit-learn
IN_docs = --group docs
IN_pictures = -e . --group pictures
IN_integrations = -e '.[sql,mysql,ray,dask,slurm,service,optuna]' --group test --group service-test \
	--group boosting-test
IN_test = -e '.[sql,mysql,service]' --group test --group check

.PHONY: help check test test-integrations coverage docs pictures demo bench clean
help:  ## Show this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 28
	@echo '  Variables: PYTHON=python3.12 (at least 3.11), ARGS="more pytest arguments"'

check: $(call ready,test)  ## Format, lint, types and layers, without changing a file
	.venv-test/bin/ruff format --check
	.venv-test/bin/ruff check
	.venv-test/bin/mypy
	.venv-test/bin/lint-imports --no-cache

test: $(call ready,test)  ## All tests that need no heavy package and no service
	.venv-test/bin/python -m pytest -m 'not integration' $(ARGS)

test-integrations: $(call ready,integrations)  ## The tests of other libraries and of database servers
	.venv-integrations/bin/python -m pytest -m integration $(ARGS)

coverage: $(call ready,test)  ## Run the tests and show the lines and branches that none of them reached
	.venv-test/bin/python -m pytest -m 'not integration' \
		--cov --cov-report=term-missing:skip-covered $(ARGS)

docs: $(call ready,docs)  ## Build the documentation into site/; a broken link is an error
	.venv-docs/bin/zensical build --strict --clean

pictures: $(call ready,pictures)  ## Draw the pictures of the documentation; ARGS="median auto" only these
	.venv-pictures/bin/python -m docs.pictures $(ARGS)

demo: $(call ready,demo)  ## Tune a real model in a minute
	.venv-demo/bin/python examples/demo.py

bench:  ## List the benchmarks and how to run each
	@for file in benchmarks/[!_]*.py; do \
		printf '%s\n    ' "python $$file"; sed -n '1s/^"""//;1s/"""$$//;1p' $$file; done

clean:  ## Delete the environments and everything else that was built
	rm -rf .venv-* build dist site .cache .coverage .coverage.* .hypothesis
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find src tests benchmarks examples -name __pycache__ -type d -prune -exec rm -rf {} +

# pip must be at least 25.1 to know dependency groups; the one that comes with Python 3.11 is not.
$(call ready,%): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Luthier needs Python" \
		" 3.11 or newer, and $(PYTHON) is $(VERSION): choose another, make PYTHON=python3.12")'
	@echo 'Making .venv-$* with Python $(VERSION) ...'
	@$(PYTHON) -m venv --clear .venv-$*
	@.venv-$*/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	@.venv-$*/bin/python -m pip install --quiet --constraint constraints.txt $(IN_$*)
	@touch $@
