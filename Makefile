# One target per thing a person does. The locks name no index: pip asks whichever it is set up to ask.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

.PHONY: venv lock demo clean-demo test test-unit soak benchmark benchmark-growth benchmark-identity docs screenshots

venv: .venv/dev.stamp

# $(1): the lock. The build backend is in it, so that the project itself is installed without asking any index.
define install
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/$(1).txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch .venv/$(1).stamp
endef

# What the installation compiles, and how.
NATIVE := hatch_build.py $(wildcard schemas/wire/*.[ch] schemas/keys.py schemas/names.py schemas/rules/*.py stream_processors/contract.py \
	stream_processors/records/*.py)

.venv/dev.stamp: requirements/dev.txt pyproject.toml $(NATIVE)
	$(call install,dev)

.venv/local.stamp: requirements/local.txt pyproject.toml $(NATIVE)
	$(call install,local)

# Renews the locks; the second follows the first, so that both name the same versions.
LOCK := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet
lock:
	$(LOCK) --extra dev -o requirements/dev.txt
	$(LOCK) --extra local --extra build -c requirements/dev.txt -o requirements/local.txt
	$(subst pyproject.toml,tests/benchmarks/identity/peer.in,$(LOCK)) -o requirements/identity-peer.txt

demo: .venv/local.stamp
	$(BIN)/hemis demo $(ARGS)

clean-demo: .venv/local.stamp
	$(BIN)/hemis demo --clean $(ARGS)

# Everything, in one command; pytest's closing line is the last one.
test: .venv/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest $(ARGS)

test-unit: .venv/dev.stamp
	$(BIN)/python -m pytest tests/unit $(ARGS)

# The long fault run, in pieces that go on with the same data: make soak ARGS="--minutes 10"; --fresh begins anew.
soak: .venv/dev.stamp
	$(BIN)/python -m tests.faults.soak --home var/soak --minutes 10 $(ARGS)

benchmark: .venv/dev.stamp
	$(BIN)/python -m tests.benchmarks $(ARGS)

benchmark-growth: .venv/dev.stamp
	$(BIN)/python -m tests.benchmarks growth $(ARGS)

# Splink and Febrl's data, in an environment of their own: nothing of the product needs them.
.venv-peer/stamp: requirements/identity-peer.txt
	test -x .venv-peer/bin/python || $(PYTHON) -m venv .venv-peer
	.venv-peer/bin/python -m pip install --quiet --require-hashes -r requirements/identity-peer.txt
	touch $@

benchmark-identity: .venv/dev.stamp .venv-peer/stamp
	$(BIN)/python -m tests.benchmarks identity $(ARGS)

# The pictures of the quality board in the docs, by a real browser.
screenshots: .venv/dev.stamp
	HEMIS_SCREENSHOTS=1 $(BIN)/python -m pytest tests/integration/board/test_browser.py -k pictures

docs: .venv/dev.stamp
	$(BIN)/hemis schemas docs $(ARGS)
