# The book's commands. `make help` lists them; every recipe is one script that also runs by itself.

BIN = .venv/bin
RUN = $(BIN)/python

.DEFAULT_GOAL := help
.PHONY: help environment run

help:
	@echo "make run      execute the chapters that changed"

environment:

run: environment
	@$(RUN) book/tools/run_chapters.py $(if $(FORCE),--force) $(CHAPTER)
