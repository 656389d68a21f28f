# Every target works on a fresh Debian with Python 3.11 or newer and nothing else.
# The environment is built once from hashed pins; later calls reuse it and need no network.
.DEFAULT_GOAL := help
PYTHON ?= python3
RUN := .venv/bin/python

.PHONY: help setup validate test bench other-tools up load-ui images lock clean

help:           ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/ready ## build the environment from hashed pins

# `.venv/ready` is created last, so that an interrupted setup is never mistaken for a complete one.
.venv/ready: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "setup: $(PYTHON) is older than Python 3.11. Try: make PYTHON=python3.13 $(MAKECMDGOALS)" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null \
	  || { echo "setup: $(PYTHON) cannot create virtual environments. Try: apt install python3-venv" >&2; exit 2; }
	@echo "setup: building .venv from requirements.txt (once; about a minute)" >&2
	@rm -rf .venv
	@$(PYTHON) -m venv .venv
	@$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.txt \
	  || { echo "setup: cannot install the packages. Likely cause: no network. Try again: make setup" >&2; rm -rf .venv; exit 2; }
	@$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch .venv/ready

validate: setup ## validate the voting system on this machine and print the verdict
	@$(RUN) -m validation run --accept-incomplete

test: setup     ## run every test through tox
	@$(RUN) -m tox run

bench: setup    ## measure the throughput of the system and of simpler designs
	@$(RUN) -m tests.bench

other-tools: setup ## compare votecheck with other tools on the eleven original defects
	@$(RUN) -m tests.other_tools

up: setup       ## start the voting system for manual use and print its address
	@$(RUN) -m validation up

load-ui: setup  ## start the voting system and Locust's web interface
	@$(RUN) -m loadtests.ui

images: setup   ## build both container images with podman, docker or buildah
	@$(RUN) -m validation images

LOCK := uv pip compile --universal --generate-hashes --no-emit-index-url --no-emit-find-links --quiet \
  --custom-compile-command "make lock"

lock:           ## renew the hashed pins of the project, the images and the other tools (needs uv)
	$(LOCK) pyproject.toml --no-strip-extras --all-extras --python-version 3.11 --upgrade --output-file requirements.txt
	$(LOCK) pyproject.toml --extra api --python-version 3.13 --constraint requirements.txt --output-file system/images/api-requirements.txt
	$(LOCK) pyproject.toml --extra consumer --python-version 3.13 --constraint requirements.txt --output-file system/images/consumer-requirements.txt
	$(LOCK) pyproject.toml --extra load --python-version 3.13 --constraint requirements.txt --output-file loadtests/requirements.txt
	$(LOCK) tests/other_tools/requirements.in --python-version 3.11 --upgrade --output-file tests/other_tools/requirements.txt

clean:          ## remove everything that make created
	rm -rf .venv .tox reports
