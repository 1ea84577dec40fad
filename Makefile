# Every recipe makes what it needs. `demo` and `up` exec, so that a signal reaches busta itself.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Where the environment forbids it, every process that starts would compile all of busta again: a second of CPU each.
export PYTHONDONTWRITEBYTECODE :=
# Files stay in the order of tests/conftest.py: xdist would keep the few long stories of a file for the end.
SUITE = $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder
SHORT = not foreign and not faults

.PHONY: install demo up docs test test-times faults foreign other-days mutation check bench bench-detection oracle live-night chaos release clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV): a minute or two, once."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	@touch $@

demo: install
	@exec $(BIN)/busta demo

up: install
	@exec $(BIN)/busta up

test: install
	@exec $(SUITE) -m "$(SHORT)"

test-times: install
	@exec $(SUITE) -m "$(SHORT)" --durations=20

# The clock of another day: a leap day in the hour of the night's work, and the last minute of a year.
other-days: OTHER_DAYS = tests/unit tests/contract -m "not e2e and not postgres and not machine_clock"
other-days: install
	$(SUITE) --at 2028-02-29T03:10+00:00 $(OTHER_DAYS)
	$(SUITE) --at 2026-12-31T23:59+00:00 $(OTHER_DAYS)

# What befalls a running monitor: kills, stopped processes, full disks, clocks that jump. docs/faults.md lists it.
# They wait for real clocks: four at once on two cores take five minutes, two at once eleven.
faults: install
	@exec $(BIN)/python -m pytest -n 4 --dist load -m faults tests/faults

foreign: install
	@exec $(BIN)/python -m pytest -n 0 -m foreign tests/foreign

mutation: install
	nice $(BIN)/python tests/mutation/run.py

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n 0 tests/docs

# The documentation as a site in build/site; strict, and nothing in it asks another server.
docs: export NO_MKDOCS_2_WARNING := 1
docs: install
	$(BIN)/python -m mkdocs build --quiet
	@echo "build/site/index.html"

bench: install
	$(BIN)/python -m benchmarks

# A thousand random days through the engine and through a second opinion on the life of an alert: 3 CPU minutes.
oracle: install
	nice $(BIN)/python -m benchmarks.oracle

# A real monitor among failing sources, killed processes and receivers that are out.
live-night: MINUTES ?= 60
live-night: install
	nice $(BIN)/python -m benchmarks.live_night --minutes $(MINUTES)

# The same, and besides: stopped processes, a locked store, a full disk (as root), clock jumps, files that are edited and broken.
chaos: MINUTES ?= 20
chaos: install
	nice $(BIN)/python -m benchmarks.chaos --minutes $(MINUTES)

bench-detection: install
	$(BIN)/python -m benchmarks.detection.run

release: install
	rm -rf build dist
	$(BIN)/python -m build --outdir dist .
	$(BIN)/python -m twine check --strict dist/*

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis mutants
