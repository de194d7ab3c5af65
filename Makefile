# `make demo` runs the main job, `make test` every test; each sets up all it needs, below .build/.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
BUILD ?= .build
TOOLS := $(BUILD)/tools
UV := $(TOOLS)/bin/uv
CLIENT := $(BUILD)/env/client
AIRFLOW := $(BUILD)/env/airflow-3.3
BENCH := $(BUILD)/env/airflow-3.3-bench
CELERY := $(BUILD)/env/airflow-3.3-celery
# The newest Prefect that installs; 3.9 needs Python 3.11.
PREFECT := $(BUILD)/env/prefect-$(shell $(PYTHON) -c 'import sys; print("3.9" if sys.version_info >= (3, 11) else "3.8")' || echo 3.8)
PREFECT_BENCH := $(PREFECT)-bench
SDK := $(BUILD)/env/sdk-3.12
SDKS := $(BUILD)/env/sdk-nested $(SDK)
AGENT := $(BUILD)/env/agent
AGENT_PINS := src/browser_use_local/agent/requirements.txt
export UV_PYTHON_DOWNLOADS := never

.PHONY: help
help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 22

.PHONY: demo
demo: envs chromium ## the example DAG and flow, in a real Airflow and Prefect (KEEP=1: leave them open; API=v4)
	@$(CLIENT)/bin/python -m demo --airflow $(AIRFLOW) --prefect $(PREFECT) $(if $(API),--api $(API)) $(if $(KEEP),--keep)

# Three at a time, the longest first: each waits for servers and browsers half of its time, and four would wait for each
# other. Every part runs, also when another failed, and shows its output when it has ended.
PARTS := test-airflow test-prefect test-client test-e2e lint
.PHONY: test
test: ## every test, and the linters
	@$(MAKE) -j2 --no-print-directory setup
	@echo 'Three at a time, each shown when it has ended, the first after some minutes: $(PARTS)'
	@$(MAKE) -k -j3 --output-sync=recurse --no-print-directory $(PARTS) && echo 'Passed: $(PARTS)'

# What the parts need is fetched two at a time.
.PHONY: setup
setup: envs chromium prism $(patsubst %,$(BUILD)/env/%/.ready,docs release) $(SDKS:=/.ready) $(AGENT)/.ready

.PHONY: lint format style types-client types-airflow types-prefect
lint: style format types-client types-airflow types-prefect dependencies ## ruff, mypy, and deptry: declared is what is imported
style: $(CLIENT)/.ready
	$(CLIENT)/bin/ruff check
format: $(CLIENT)/.ready
	$(CLIENT)/bin/ruff format --check
MYPY := bin/mypy --cache-dir $(BUILD)/mypy
types-client: $(CLIENT)/.ready
	$(CLIENT)/$(MYPY)/client src demo
types-airflow: $(AIRFLOW)/.ready
	$(AIRFLOW)/$(MYPY)/airflow airflow_provider/src
types-prefect: $(PREFECT)/.ready
	$(PREFECT)/$(MYPY)/prefect prefect_tasks/src
DEPTRY := bin/deptry --no-ansi
.PHONY: dependencies
dependencies: envs
	$(CLIENT)/$(DEPTRY) src/browser_use_client --optional-dependencies-dev-groups local
	$(CLIENT)/$(DEPTRY) src/browser_use_local
	$(AIRFLOW)/$(DEPTRY) airflow_provider/src --config airflow_provider/pyproject.toml
	$(PREFECT)/$(DEPTRY) prefect_tasks/src --config prefect_tasks/pyproject.toml

# $(call beside,pytest,these tests,those tests): the two beside each other.
define beside
	@$(1) $(2) & $(1) $(3); those=$$?; wait $$! && exit $$those
endef
.PHONY: test-client test-airflow test-prefect test-e2e
test-client: $(CLIENT)/.ready $(SDKS:=/.ready) $(AGENT)/.ready chromium prism ## the client and the local server
	$(call beside,$(CLIENT)/bin/pytest -q,tests/client tests/local/test_[a-e]*.py,tests/local --ignore-glob='*/local/test_[a-e]*.py')
# Each is pythonX.Y on the path, with environments of its own.
PYTHONS := $(foreach version,3.10 3.12 3.13,test-python-$(version))
.PHONY: test-pythons $(PYTHONS)
test-pythons: $(PYTHONS) ## the client and the local server on the other Pythons
$(PYTHONS): test-python-%:
	@$(MAKE) --no-print-directory test-client PYTHON=python$* BUILD=$(BUILD)/python-$*
# What is played in one Airflow, and all the rest.
airflow = $(call beside,$(1),tests/airflow/*_end_to_end.py,tests/airflow --ignore-glob='*_end_to_end.py')
test-airflow: $(AIRFLOW)/.ready chromium ## the Airflow provider, and its examples with the local server
	$(call airflow,$(AIRFLOW)/bin/pytest -q)
.PHONY: test-airflow-scale
test-airflow-scale: $(CELERY)/.ready servers ## the Airflow provider with Celery, PostgreSQL, and two of what there can be two of
	$(CELERY)/bin/pytest -q tests/airflow_scale
test-prefect: $(PREFECT)/.ready chromium ## the Prefect integration, and its examples with the local server
	$(PREFECT)/bin/pytest -q tests/prefect
# On older versions, warnings are theirs to keep.
AIRFLOWS := $(foreach version,2.11 3.0 3.1 3.2,test-airflow-$(version))
PREFECTS := $(filter-out test-$(notdir $(PREFECT)),$(foreach version,3.6 3.7 3.8 3.9,test-prefect-$(version)))
.PHONY: test-matrix $(AIRFLOWS) $(PREFECTS)
test-matrix: test-airflow $(AIRFLOWS) test-airflow-scale test-prefect $(PREFECTS) ## on every Airflow and Prefect that is supported
$(AIRFLOWS): test-airflow-%: $(BUILD)/env/airflow-%/.ready chromium
	$(call airflow,$(BUILD)/env/airflow-$*/bin/pytest -q -W ignore)
$(PREFECTS): test-prefect-%: $(BUILD)/env/prefect-%/.ready $(CLIENT)/.ready chromium
	$(BUILD)/env/prefect-$*/bin/pytest -q -W ignore tests/prefect
# What starts no Airflow and no Prefect server for other processes, and no browser: those ask for much more than they use.
LOWEST_AIRFLOW := --ignore-glob='*_end_to_end.py' --ignore=tests/airflow/test_examples.py
LOWEST_PREFECT := $(foreach name,credentials files flow_runs jobs run_browser_task sessions,tests/prefect/test_$(name).py)
.PHONY: test-lowest test-lowest-client test-lowest-airflow test-lowest-prefect
test-lowest: test-lowest-client test-lowest-airflow test-lowest-prefect ## with the oldest releases that each pyproject.toml allows
test-lowest-client: $(BUILD)/env/client-lowest/.ready
	$(BUILD)/env/client-lowest/bin/pytest -q tests/client $(addprefix tests/local/test_,command_line.py main_job.py)
test-lowest-airflow: $(BUILD)/env/airflow-lowest/.ready
	$(BUILD)/env/airflow-lowest/bin/pytest -q -W ignore tests/airflow $(LOWEST_AIRFLOW)
test-lowest-prefect: $(BUILD)/env/prefect-lowest/.ready
	$(BUILD)/env/prefect-lowest/bin/pytest -q -W ignore $(LOWEST_PREFECT)
test-e2e: envs chromium ## the two commands, as a user runs them
	AIRFLOW=$(AIRFLOW) PREFECT=$(PREFECT) $(CLIENT)/bin/pytest -q tests/e2e

.PHONY: chromium
chromium: $(CLIENT)/.ready ## a Chromium, where the machine has none
	@$(CLIENT)/bin/python -m demo.chromium

.PHONY: servers
servers: $(CELERY)/.ready ## PostgreSQL and Redis, where the machine has none
	@$(CELERY)/bin/python -m tests.airflow_scale.servers

.PHONY: envs
envs: $(CLIENT)/.ready $(AIRFLOW)/.ready $(PREFECT)/.ready ## the three environments

$(UV): constraints/tools.txt
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || { \
		echo "$(PYTHON) must be Python 3.10 or newer, with venv and ensurepip (Debian: apt install python3-venv)." \
			"Name another one with: make PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv --clear $(TOOLS)
	$(TOOLS)/bin/python -m pip install -q --disable-pip-version-check -r $<
	@touch $@

# $(call environment,what to install,pins): an environment beside its .ready. Default: the pins that bear its name.
# Compiled, since Airflow's many processes start twice as fast then.
define environment
	$(UV) venv -q --clear --python $(PYTHON) $(@D)
	$(UV) pip install -q --compile-bytecode --python $(@D) $(1) -c constraints/$(or $(2),$(notdir $(@D))).txt
	@touch $@
endef

$(CLIENT)/.ready: $(UV) pyproject.toml constraints/client.txt
	$(call environment,-e '.[local]' --group demo --group lint --group test)

$(BUILD)/env/client-lowest/.ready: $(UV) pyproject.toml constraints/client-lowest.txt
	$(call environment,-e '.[local]' --group test)

$(BUILD)/env/airflow-%/.ready: $(UV) pyproject.toml airflow_provider/pyproject.toml constraints/airflow-%.in constraints/airflow-%.txt
	$(call environment,-e . -e airflow_provider --group airflow_provider/pyproject.toml:test -r constraints/airflow-$*.in)

$(BUILD)/env/prefect-%/.ready: $(UV) pyproject.toml prefect_tasks/pyproject.toml constraints/prefect-%.txt
	$(call environment,-e . -e prefect_tasks --group prefect_tasks/pyproject.toml:test)

# The official SDKs judge the local server: the last one that spoke `v2-nested`, and the one for `v2-flat` and v4.
$(SDKS:=/.ready): $(BUILD)/env/%/.ready: $(UV) constraints/%.in constraints/%.txt
	$(call environment,-r constraints/$(notdir $(@D)).in)

# The agent of the local server, as the server itself makes it. It has no release for Python 3.10.
$(AGENT)/.ready: $(UV) $(AGENT_PINS)
	@mkdir -p $(@D)
	@if $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
		$(UV) venv -q --clear --python $(PYTHON) $(@D) && \
		$(UV) pip install -q --compile-bytecode --python $(@D) -r $(AGENT_PINS); \
	else echo "The agent needs Python 3.11 or newer: its tests are left out."; fi
	@touch $@

# Prism judges the local server too, where Node is there: it holds every answer against the published contract.
.PHONY: prism
prism: $(BUILD)/prism/.ready
$(BUILD)/prism/.ready:
	@mkdir -p $(@D)
	@if ! command -v npm >/dev/null; then echo "Node and npm are not there: Prism does not judge the local server."; \
	elif ! npm install --silent --no-audit --no-fund --no-package-lock --prefix $(@D) @stoplight/prism-cli@5.16.0; then \
		echo "npm could not install Prism: it does not judge the local server."; \
	else touch $@; fi

# --universal: one file serves every Python version. The Python of the machine only runs the resolver.
COMPILE := $(UV) pip compile -q --universal --python-version 3.10 --upgrade \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links --no-emit-package browser-use-client
# The oldest releases of what pyproject.toml names, with the newest of what these bring along.
LOWEST := $(COMPILE) --resolution lowest-direct

.PHONY: constraints
constraints: $(UV) ## pins every environment anew
	$(COMPILE) pyproject.toml --extra local --group demo --group lint --group test -o constraints/client.txt
	for name in 2.11 3.0 3.1 3.2 3.3 3.3-bench 3.3-celery; do \
		$(COMPILE) airflow_provider/pyproject.toml constraints/airflow-$$name.in \
			--group airflow_provider/pyproject.toml:test -o constraints/airflow-$$name.txt || exit; \
	done
	for version in 3.6 3.7 3.8; do \
		$(COMPILE) prefect_tasks/pyproject.toml constraints/prefect-$$version.in \
			--group prefect_tasks/pyproject.toml:test -o constraints/prefect-$$version.txt || exit; \
	done
	$(subst 3.10,3.11,$(COMPILE)) prefect_tasks/pyproject.toml constraints/prefect-3.9.in \
		--group prefect_tasks/pyproject.toml:test -o constraints/prefect-3.9.txt
	$(LOWEST) pyproject.toml --extra local --group test -o constraints/client-lowest.txt
	$(LOWEST) pyproject.toml --extra jsonschema airflow_provider/pyproject.toml constraints/airflow-lowest.in \
		--group airflow_provider/pyproject.toml:test -o constraints/airflow-lowest.txt
	$(LOWEST) pyproject.toml --extra jsonschema prefect_tasks/pyproject.toml -c constraints/prefect-lowest.in \
		--group prefect_tasks/pyproject.toml:test -o constraints/prefect-lowest.txt
	for name in docs release sdk-nested sdk-3.12 tools; do $(COMPILE) constraints/$$name.in -o constraints/$$name.txt || exit; done
	$(subst 3.10,3.11,$(COMPILE)) constraints/agent.in -o $(AGENT_PINS)

$(BUILD)/env/docs/.ready $(BUILD)/env/release/.ready: $(BUILD)/env/%/.ready: $(UV) constraints/%.in constraints/%.txt
	$(call environment,-r constraints/$(notdir $(@D)).in)

SITE ?= $(BUILD)/site
.PHONY: docs
docs: $(BUILD)/env/docs/.ready ## the documentation site, in .build/site/; each link is checked
	NO_MKDOCS_2_WARNING=1 $(BUILD)/env/docs/bin/mkdocs build --strict --site-dir $(abspath $(SITE))

# Each wheel is built from its sdist. The version of all three stands in VERSION.
DIST ?= dist
.PHONY: dist
dist: $(BUILD)/env/release/.ready ## sdists and wheels of the three distributions, in dist/
	rm -rf $(DIST)
	for folder in . airflow_provider prefect_tasks; do \
		$(UV) build -q --python $(BUILD)/env/release --out-dir $(DIST) --no-create-gitignore $$folder || exit; done
	$(BUILD)/env/release/bin/twine check --strict $(DIST)/*

# The official SDK beside Prefect, for plain tasks that do the same.
$(PREFECT_BENCH)/.ready: $(UV) pyproject.toml prefect_tasks/pyproject.toml constraints/$(notdir $(PREFECT)).txt constraints/sdk-3.12.in
	$(call environment,-e . -e prefect_tasks -r constraints/sdk-3.12.in,$(notdir $(PREFECT)))

.PHONY: bench
bench: $(CLIENT)/.ready $(SDK)/.ready $(PREFECT_BENCH)/.ready $(BENCH)/.ready chromium ## what is fast, measured, beside what a user would pick instead
	@$(CLIENT)/bin/python -m benchmarks.client --sdk $(SDK)/bin/python
	@$(PREFECT_BENCH)/bin/python -m benchmarks.prefect
	@$(CLIENT)/bin/python -m benchmarks.local_server
	@$(BENCH)/bin/python -m benchmarks.airflow

.PHONY: clean
clean: ## removes all that was set up or built
	rm -rf $(BUILD) dist
