# The book's commands; `make help` lists them. Each recipe is a script that also runs by itself
# (where there is no make, README.md names them).

RUN = .venv/bin/python
TOOLS = book/tools

.DEFAULT_GOAL := help
.PHONY: help environment book test quick run lint format lab models test-colab test-elsewhere \
        test-frameworks lock clean

help:
	@echo "make book            make the environment, build the site, say where to open it"
	@echo "make test            every test: lint, units, each chapter run again, the site in a browser"
	@echo "make quick           lint and the quick unit tests (under 3 minutes)"
	@echo "make run             execute the chapters that changed"
	@echo "                       CHAPTER=rnn     only this one (a path, a folder or a name)"
	@echo "                       FORCE=1         what has not changed, too"
	@echo "make lab             open the chapters in JupyterLab"
	@echo "make lint            the rules for the code, and its format"
	@echo "make format          put the code into the book's format"
	@echo "make models          train the book's own models again (an hour)"
	@echo "make test-colab      run the Colab edition as Colab would (CHAPTERS=\"rnn lstm\": only these)"
	@echo "make test-elsewhere  run two chapters as on an unlike machine"
	@echo "make test-frameworks ask TensorFlow and JAX again, in an environment of their own (2 GB)"
	@echo "make lock            pin packages that are missing (UPGRADE=1: the newest that fit)"
	@echo "make clean           remove everything that was built (not the environment)"
	@echo
	@echo "Variables:  PYTHON=/path/to/python   makes the environment with this Python"
	@echo "            TORCH_INDEX=address      takes PyTorch from this index (its CPU build is"
	@echo "                                     0.2 GB; the default build on Linux brings CUDA)"

environment:
	@PYTHON="$(PYTHON)" TORCH_INDEX="$(TORCH_INDEX)" sh $(TOOLS)/environment.sh

book: environment
	@$(RUN) $(TOOLS)/build_site.py

test: environment
	@$(RUN) $(TOOLS)/test_all.py

quick: environment
	@$(RUN) $(TOOLS)/test_all.py --quick

lint: environment
	@$(RUN) $(TOOLS)/test_all.py --lint

format: environment
	@$(RUN) -m ruff check --fix .
	@$(RUN) -m ruff format .

run: environment
	@$(RUN) $(TOOLS)/run_chapters.py $(if $(FORCE),--force) $(CHAPTER)

lab: environment
	@$(RUN) -m jupyterlab --notebook-dir=chapters

models: environment
	@$(RUN) -m llmbook.zoo all
	@$(RUN) -m llmbook.zoo.comparison
	@$(RUN) -m llmbook.zoo.ablation
	@$(RUN) -m llmbook.zoo.ladder
	@$(RUN) -m llmbook.zoo.finetuning
	@$(RUN) -m llmbook.zoo.isoflop
	@$(RUN) -m llmbook.zoo.adapting

test-colab: environment
	@$(RUN) $(TOOLS)/test_colab.py $(CHAPTERS)

test-elsewhere: environment
	@$(RUN) $(TOOLS)/validate_chapters.py --elsewhere

test-frameworks: environment
	@$(RUN) $(TOOLS)/test_frameworks.py

lock: environment
	@$(RUN) $(TOOLS)/lock.py $(if $(UPGRADE),--upgrade)

clean:
	rm -rf _build .ruff_cache .pytest_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
