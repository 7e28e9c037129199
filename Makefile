# `make lab` and `make test` need Python 3.11 or newer and make, nothing else: they build .venv.
# An environment of your own is used as it is: make test VENV=/path/to/environment
# This file keeps to GNU make 3.81, which macOS ships.

VENV ?= .venv
PYTHON ?=
CANDIDATES = $(or $(PYTHON),python3 python3.13 python3.12 python3.11 python)
PARAMS ?=
LABFLAGS ?=
# In a container one is often root, and JupyterLab then wants to be told that this is meant.
AS_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)

PY := "$(VENV)/bin/python"
ifeq ($(VENV),.venv)
READY := .venv/.ready
SITE_READY := .venv/.site-ready
else
READY := own-environment
SITE_READY := own-environment
endif

# Without it two threads of torch that wait for each other burn a whole core; on a busy laptop small
# networks then train ten times slower (see gan_course/__init__.py, which comes too late in a cell
# that imports torch first).
export GOMP_SPINCOUNT ?= 3000

# What runs in tests is CI-sized, has one thread per worker, and leaves your own progress alone.
QUIET_HOME = home=$$(mktemp -d) && trap 'rm -rf "$$home"' EXIT && trap 'exit 130' INT TERM && \
	export GAN_COURSE_HOME="$$home"
FOR_TESTS = $(QUIET_HOME) && export GAN_COURSE_FAST=1 OMP_NUM_THREADS=1 JUPYTER_PREFER_ENV_PATH=1
NBVAL = $(PY) -m pytest --nbval-lax --nbval-current-env --nbval-cell-timeout=300 \
	-n 2 --dist loadfile

.PHONY: help lab test trust nbval course notebooks site check lint clean own-environment
.DEFAULT_GOAL := help

help:
	@echo "make lab        open the course in JupyterLab (builds .venv if it is missing)"
	@echo "make test       run the tests, every exercise, and every notebook in a real browser"
	@echo "make trust      run what takes longer: all bad input and faults, more seeds, trainings"
	@echo "make nbval      run every notebook, exercise and solution with nbval, as a teacher's CI may"
	@echo "make course     run every lesson at full size into build/course/;"
	@echo "                parameters: make course PARAMS=\"-p STEPS 200\""
	@echo "make notebooks  rebuild notebooks/, exercises/ and solutions/ from lessons/"
	@echo "make site       the whole course as web pages in build/site/, to read without a network"
	@echo "make check      lint, and compare the notebooks with lessons/; a few seconds"
	@echo "make clean      remove what the other commands wrote, but not .venv"

lab: $(READY)
	$(PY) -m jupyterlab --ServerApp.ip=127.0.0.1 --ServerApp.root_dir="$(CURDIR)" \
		--LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb $(AS_ROOT) $(LABFLAGS)

# The browser runs the notebooks and compares what nbval would; without one nbval does it itself.
test: check
	$(FOR_TESTS) && $(PY) -m pytest tests -n 2 --dist loadfile -m "not slow"
	$(FOR_TESTS) && ($(PY) tests/browser/find_browser.py >/dev/null || $(NBVAL) notebooks)

# What `make test` tries a sample of: faults, bad inputs and the like, all of them.
trust: $(READY)
	$(FOR_TESTS) && export GAN_COURSE_TRUST=1 && \
		$(PY) -m pytest tests -n 2 --dist loadfile -m "slow or trust"

nbval: $(READY)
	$(FOR_TESTS) && $(NBVAL) notebooks exercises
	$(FOR_TESTS) && GAN_COURSE_STRICT=1 $(NBVAL) solutions

check lint: $(READY)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) lessons/build.py --check

course: $(READY)
	@mkdir -p build/course
	@$(QUIET_HOME) && export JUPYTER_PREFER_ENV_PATH=1 && failed= && \
	for notebook in notebooks/[0-9][0-9]_*.ipynb; do \
		echo "== $$notebook"; \
		$(PY) -m papermill --cwd notebooks --no-progress-bar $(PARAMS) \
			"$$notebook" "build/course/$$(basename "$$notebook")" || failed="$$failed $$notebook"; \
	done; \
	if [ -n "$$failed" ]; then echo "These lessons failed:$$failed"; exit 1; fi; \
	echo "Every lesson ran; the results are in build/course/."

notebooks: $(READY)
	$(PY) lessons/build.py

# It checks its own result, and fails on a dead link, a missing description or an outside request.
site: $(SITE_READY)
	$(PY) website/build_site.py

clean:
	rm -rf build .pytest_cache .ruff_cache .hypothesis
	find . -name .venv -prune -o -name __pycache__ -type d -exec rm -rf {} +

# JupyterLab in .venv asks nobody for news and looks for no updates: the course needs no network.
LAB_SETTINGS := {"@jupyterlab/apputils-extension:notification": \
	{"fetchNews": "false", "checkForUpdates": false}}

# The stamp is written last, so that a set-up that was interrupted is taken up again.
.venv/.ready: pyproject.toml
	@python=; for candidate in $(CANDIDATES); do \
		if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
		then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo "The course needs Python 3.11 or newer, and none was found."; \
		for candidate in $(CANDIDATES); do \
			echo "  $$candidate: $$("$$candidate" --version 2>&1 | head -n 1)"; \
		done; \
		echo "Install a newer Python, or name it: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)"; \
		exit 1; \
	fi; \
	if ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
	then "$$python" -m venv --clear .venv; fi
	@.venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip --upgrade
	.venv/bin/python -m pip install --disable-pip-version-check --quiet "pip>=25.1"
	.venv/bin/python -m pip install --disable-pip-version-check -e . --group dev
	@mkdir -p .venv/share/jupyter/lab/settings
	@echo '$(LAB_SETTINGS)' > .venv/share/jupyter/lab/settings/overrides.json
	@touch .venv/.ready

.venv/.site-ready: .venv/.ready
	.venv/bin/python -m pip install --disable-pip-version-check --group site
	@touch .venv/.site-ready

own-environment:
	@if ! [ -x $(PY) ]; then echo "There is no $(VENV)/bin/python."; exit 1; fi
	@$(PY) -c 'from importlib.util import find_spec as f; import sys; sys.exit(not all(map(f, \
		["gan_course", "jupyterlab", "nbval", "papermill", "pytest", "xdist", "playwright"])))' || { \
		echo "The course is not installed, or not whole, in $(VENV). Install it there:"; \
		echo "  $(VENV)/bin/python -m pip install -e . --group dev"; exit 1; }
