# Every verb of the project. `make help` prints them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Tests run side by side: one more than there are cores, since half of their time they wait.
JOBS ?= $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) + 1)')
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := help

.PHONY: help
help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(INSTALLED) ## Make .venv with a2a-gateway and everything the tests need

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "a2a-gateway needs Python 3.11 or newer; set PYTHON=/path/to/it"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

.PHONY: run
run: setup ## Set up, then run the demo and keep serving
	$(BIN)/a2a-gateway demo

.PHONY: peers
peers: setup ## Make the environments of the peers that the tests talk to
	@$(BIN)/python -m tools.peers
	@if command -v chromium chromium-browser google-chrome > /dev/null; then \
	  $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[browser]'; fi
	@if command -v npm > /dev/null; then cd examples/node_client && npm ci --silent --no-audit --no-fund; fi

.PHONY: test
test: setup peers ## Set up, then run the whole test suite
	$(BIN)/pytest -n $(JOBS) --dist loadfile

.PHONY: lint
lint: setup ## Lint, types and layers
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports

.PHONY: generated
generated: setup ## Prove that generated/ and docs/ are what `make generate` writes
	@written() { git ls-files -co --exclude-standard generated docs README.md | sort | xargs sha256sum; }; \
	  before=$$(written); $(BIN)/python -m tools.generate; \
	  [ "$$before" = "$$(written)" ] || { echo "generated files differed; commit what is there now"; exit 1; }

.PHONY: check
check: lint generated test ## Everything that CI runs

.PHONY: bench
bench: setup ## Measure the gateway beside its peers, and write docs/benchmarks.md (BENCH=--quick: a rough minute, printed only)
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,bench]'
	$(BIN)/python -m benchmarks --publish $(BENCH)

.PHONY: generate
generate: setup ## Write generated/ and the generated parts of docs/ anew
	$(BIN)/python -m tools.generate

.PHONY: image
image: VERSION = $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' gateway/__init__.py)
image: ## Build the image a2a-gateway:VERSION (BASE=… to build on; PIP_CONFIG=, PIP_CERT= files for pip)
	@if docker info > /dev/null 2>&1 && docker buildx version > /dev/null 2>&1; then build="docker build"; \
	elif command -v buildah > /dev/null; then build="buildah bud --isolation chroot --format docker"; \
	else echo "make image needs docker with its daemon and buildx, or buildah"; exit 1; fi; \
	set -x; $$build --file deploy/Dockerfile --tag a2a-gateway:$(VERSION) \
	  --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD 2> /dev/null || echo unknown) \
	  $(BASE:%=--build-arg BASE=%) $(PIP_CONFIG:%=--secret id=pip.conf,src=%) $(PIP_CERT:%=--secret id=pip.crt,src=%) .

.PHONY: clean
clean: ## Remove everything that the other verbs made
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
