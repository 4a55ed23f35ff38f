# For convenience: everything here is also a pip install and a plait command (see README.md).
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench bench-detection clean

BIN := .venv/bin
INSTALLED := .venv/.installed
KERAS := bench/.environments/keras
ULTRALYTICS := bench/.environments/ultralytics
DEMO := runs/demo

# A virtual environment in $(1), by the first Python of 3.11 or later. Debian keeps venv in a package of its own, which
# root gets installed where it is missing.
define environment
	set -e; test -x $(1)/bin/pip && exit 0; \
	for python in python3.11 python3.12 python3.13 python3; do \
	  $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; python=; \
	done; \
	test -n "$$python" || { echo "plait needs Python 3.11 or later, and finds none" >&2; exit 1; }; \
	if ! $$python -c 'import ensurepip, venv' 2>/dev/null; then \
	  test "$$(id -u)" = 0 && command -v apt-get >/dev/null || \
	    { echo "$$python has no venv; as root: apt-get install python3-venv" >&2; exit 1; }; \
	  apt-get update -q && apt-get install -y -q --no-install-recommends python3-venv; \
	fi; \
	$$python -m venv $(1)
endef

help:
	@echo "make demo    set up, train on the embedded digits, test, export"
	@echo "make test    set up, check, run all tests"
	@echo "make setup   the environment in .venv (nothing when all is there)"
	@echo "make check   formatting, lint, types"
	@echo "make bench   speed of recurrence and of training beside Keras and PyTorch (half an hour)"
	@echo "make bench-detection DATA=FOLDER    boxes beside Ultralytics and torchvision (an hour and a half)"
	@echo "make clean   remove caches, builds and the demo's run"

setup: $(INSTALLED)

# An environment that is there is kept, so that PyTorch's CPU wheels can be put into it first (README.md says how).
# The tested set is pinned; an editable install makes the plait command run this checkout.
$(INSTALLED): pyproject.toml constraints.txt
	@$(call environment,.venv)
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@

demo: setup
	@rm -rf $(DEMO)
	$(BIN)/plait train digits --out $(DEMO)
	$(BIN)/plait export $(DEMO) $(DEMO)/model.onnx
	$(BIN)/plait test $(DEMO)
	@echo "now try:"
	@echo "  $(BIN)/plait inspect YOUR_PICTURES     class folders, a table or IDX files"
	@echo "  $(BIN)/plait train YOUR_PICTURES"
	@echo "  $(BIN)/plait predict $(DEMO)/model.onnx PICTURE"

# Two at a time, each on one core: half of the time goes into starting processes and reading files.
test: check
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

check: setup
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

bench: setup $(KERAS)/.installed
	$(BIN)/python bench/recurrence.py --keras $(KERAS)/bin/python
	$(BIN)/python bench/training_speed.py --keras $(KERAS)/bin/python
	$(BIN)/python bench/text_speed.py --keras $(KERAS)/bin/python

# DATA=... holds bccd/; an hour and a half.
bench-detection: setup $(ULTRALYTICS)/.installed
	$(BIN)/python bench/detection.py $(DATA)
	$(BIN)/python bench/detection_speed.py $(DATA)

$(ULTRALYTICS)/.installed: bench/ultralytics-requirements.txt
	@$(call environment,$(ULTRALYTICS))
	$(ULTRALYTICS)/bin/python -m pip install --disable-pip-version-check -r bench/ultralytics-requirements.txt
	@touch $@

# TensorFlow pins versions of its own, so it gets an environment of its own.
$(KERAS)/.installed: bench/keras-requirements.txt
	@$(call environment,$(KERAS))
	$(KERAS)/bin/python -m pip install --disable-pip-version-check -r bench/keras-requirements.txt
	@touch $@

clean:
	rm -rf $(DEMO) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests bench -name __pycache__ -type d -prune -exec rm -rf {} +
