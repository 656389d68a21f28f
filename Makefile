# Every target works on a fresh machine: Debian with Python 3.11 or newer, nothing else.
# The environment is made once from hashed pins; a second call reuses it and needs no network.
.DEFAULT_GOAL := help
PYTHON ?= python3
RUN := .venv/bin/python

.PHONY: help setup validate test bench other-tools up load-ui images lock clean

help:           ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/ready ## the environment, from hashed pins

# Made in a folder of its own name and renamed at the end: a half-made environment is never mistaken for a whole one.
.venv/ready: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "setup: Python 3.11 or newer is needed, and $(PYTHON) is not. Next: make PYTHON=python3.13 $(MAKECMDGOALS)" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null \
	  || { echo "setup: this Python cannot make virtual environments. Next: apt install python3-venv" >&2; exit 2; }
	@echo "setup: making .venv from requirements.txt (once; about a minute)" >&2
	@rm -rf .venv
	@$(PYTHON) -m venv .venv
	@$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.txt \
	  || { echo "setup: the packages could not be installed. Likely no network. Next: make setup, once it is back" >&2; rm -rf .venv; exit 2; }
	@$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch .venv/ready

validate: setup ## validate the voting system on this machine: GO, NO-GO or INCOMPLETE
	@$(RUN) -m validation run --accept-incomplete

test: setup     ## every test, through tox
	@$(RUN) -m tox run

bench: setup    ## measure how fast the system is, beside plain designs of the same
	@$(RUN) -m tests.bench

other-tools: setup ## compare the checkpoints with other tools on the eleven original defects
	@$(RUN) -m tests.other_tools

up: setup       ## start the voting system for people to use, and print its address
	@$(RUN) -m validation up

load-ui: setup  ## start the voting system and Locust's web interface to load it
	@$(RUN) -m loadtests.ui

images: setup   ## build the two container images with the engine that answers: podman, docker or buildah
	@$(RUN) -m validation images

LOCK := uv pip compile --universal --generate-hashes --no-emit-index-url --no-emit-find-links --quiet \
  --custom-compile-command "make lock"

lock:           ## renew the hashed pins: the project's, the images' and the other tools' (needs uv)
	$(LOCK) pyproject.toml --all-extras --python-version 3.11 --upgrade --output-file requirements.txt
	$(LOCK) pyproject.toml --extra api --python-version 3.13 --constraint requirements.txt --output-file system/images/api-requirements.txt
	$(LOCK) pyproject.toml --extra consumer --python-version 3.13 --constraint requirements.txt --output-file system/images/consumer-requirements.txt
	$(LOCK) pyproject.toml --extra load --python-version 3.13 --constraint requirements.txt --output-file loadtests/requirements.txt
	$(LOCK) tests/other_tools/requirements.in --python-version 3.11 --upgrade --output-file tests/other_tools/requirements.txt

clean:          ## remove what make made
	rm -rf .venv .tox reports
