# make view    set up whatever is missing, then open the viewer on the demo (without a display: run the tour)
# make test    set up, then every fast test;  make test-all adds the slow ones
# make lint    ruff (check and format), pyright, import directions
# make bench   the figures of README, written to benchmarks/results
# make docs    the documentation site, into build/docs;  make docs-serve shows it while pages are written
# make blender Blender as a Python module in build/blender, for the slow test that opens exports in it (Python 3.11)
# make demo    the tour without a display: screenshots, orbit video, summary
VENV := .venv
BIN  := $(VENV)/bin
# Two processes of one thread each: what two cores finish soonest. A file's tests stay in one process. Files go in the order of their
# folders, so that the many short ones of tests/unit fill the end; by number of tests, few long ones would come last and leave a core idle.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --max-worker-restart=0
SETUP_FILES := pyproject.toml scripts/bootstrap.sh scripts/requirements_met.py

# A tree that was moved or copied with its .venv has stale paths in it: forget the stamps, bootstrap makes it anew.
ifneq ($(shell cat $(VENV)/.triscope-root 2>/dev/null),$(CURDIR))
STALE := force
endif

.PHONY: view demo test test-all lint bench docs docs-serve blender setup clean force
.DEFAULT_GOAL := view

view: $(VENV)/.triscope-run
	@scripts/view.sh $(CHECKPOINT)

demo: $(VENV)/.triscope-run
	@scripts/bootstrap.sh display
	@$(BIN)/triscope demo --out $(or $(OUT),triscope-demo)

test: $(VENV)/.triscope-dev
	$(PYTEST) -m "not slow and not gpu and not nightly" $(ARGS)

test-all: $(VENV)/.triscope-dev
	$(PYTEST) -m "not gpu and not nightly" $(ARGS)

lint: $(VENV)/.triscope-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check -q .
	$(BIN)/pyright
	$(BIN)/python -m pytest -q -m "not slow" tests/house

bench: $(VENV)/.triscope-run
	@scripts/bootstrap.sh display
	$(BIN)/triscope bench $(ARGS)

# The variable silences an advertisement of mkdocs-material.
docs docs-serve: export NO_MKDOCS_2_WARNING = 1
docs: $(VENV)/.triscope-dev
	$(BIN)/mkdocs build --strict -q -f docs/mkdocs.yml
	@echo "build/docs/index.html"

docs-serve: $(VENV)/.triscope-dev
	$(BIN)/mkdocs serve -f docs/mkdocs.yml

blender:
	python3.11 -m venv build/blender
	build/blender/bin/python -m pip install --progress-bar off 'bpy==4.5.*'

setup: $(VENV)/.triscope-dev

$(VENV)/.triscope-run: $(SETUP_FILES) $(STALE)
	@scripts/bootstrap.sh run

$(VENV)/.triscope-dev: $(SETUP_FILES) $(STALE)
	@scripts/bootstrap.sh dev

clean:
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
