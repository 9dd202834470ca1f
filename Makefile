# Everything a developer runs. Needs python3 (>= 3.11) with venv, make and a package registry; nothing else.
PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
WEB := $(VENV)/.web
OPTIMIZER := $(VENV)/.optimizer
DEV := $(VENV)/.dev
# Database tests run on two workers: more gain nothing on the two cores of a small CI machine.
PYTEST := $(BIN)/python -m pytest
WORKERS ?= 2
# Whole files: what a file prepares once for all its tests is prepared on one worker only. The long ones come first.
SIDE_BY_SIDE := -n $(WORKERS) --dist loadfile --no-loadscope-reorder
# `make check` and `make lock` never touch real data, so they bring their own key.
CHECK_ENV := env -u DATABASE_URL -u DEMO DEBUG=1 SECRET_KEY=only-for-checks
LOCK := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock"

.PHONY: demo test test-sqlite test-postgres check format bench fill proof lock help

help:
	@echo "make demo [PORT=8000]  made-up data, web server and worker"
	@echo "make test              the suite on SQLite, then on a real PostgreSQL"
	@echo "make check             lint, format, types, layers, templates, migrations, settings"
	@echo "make format            puts code and templates into their one form"
	@echo "make bench             measures; writes var/bench.json"
	@echo "make fill              fills months with random requests and explains what is left empty"
	@echo "make proof             the planner against a solver's proven optimum on 400 clinics; about 5 minutes"
	@echo "make lock [UP=-U]      resolves the lock files again (-U: takes newer releases)"

# --- the environment: built once from the hash-pinned lock, again whenever the lock changes ---

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(WEB): requirements.lock | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(OPTIMIZER): requirements-optimizer.lock $(WEB) | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-optimizer.lock
	@touch $@

$(DEV): requirements-dev.lock $(WEB) | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

# --- commands ---

demo: export DEMO := 1
demo: export ALLOWED_HOSTS ?= localhost,127.0.0.1,[::1]
demo: export BASE_URL ?= http://127.0.0.1:$(PORT)
demo: export DATABASE_URL ?= sqlite:///var/demo.sqlite3
demo: $(OPTIMIZER)
	$(BIN)/python manage.py migrate --verbosity 0 --skip-checks
	$(BIN)/python manage.py load_demo --skip-checks
	@exec $(BIN)/python manage.py serve --port $(PORT)

test: test-sqlite test-postgres

# A race test starts many processes of its own: it runs alone, or the workers would disturb its measure.
test-sqlite: $(DEV)
	env -u DATABASE_URL $(PYTEST) $(SIDE_BY_SIDE) -m "not race"
	env -u DATABASE_URL $(PYTEST) -m race

# What needs no database, brings its own, or asks the same of each page ran above: who may open it, what it makes of
# hostile input, what the admin shows. Of the browser tests one walk is enough here.
ONCE := admin bench core proof services/demo services/messages/test_calendar_stays_true.py test_access.py test_attacks.py \
	test_calendar_client.py test_ground.py test_logs.py test_serve.py test_settings.py test_suite.py test_translations.py
test-postgres: $(DEV)
	$(BIN)/python tests/postgres.py -- sh -ec ' \
		$(PYTEST) $(SIDE_BY_SIDE) $(ONCE:%=--ignore=tests/%) -m "not race and (not browser or walk)"; \
		$(PYTEST) $(ONCE:%=--ignore=tests/%) -m "race and not control"'

check: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(CHECK_ENV) $(BIN)/mypy .
	$(CHECK_ENV) $(BIN)/lint-imports
	$(BIN)/djlint --quiet --check templates
	$(BIN)/djlint --quiet --lint templates
	$(CHECK_ENV) $(BIN)/python manage.py makemigrations --check --dry-run
	$(CHECK_ENV) DEBUG=0 SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(50))') \
		ALLOWED_HOSTS=clinic.example BASE_URL=https://clinic.example \
		$(BIN)/python manage.py check --deploy --fail-level WARNING

format: $(DEV)
	$(BIN)/ruff check --quiet --fix . || true
	$(BIN)/ruff format .
	$(BIN)/djlint --quiet --reformat templates || true

bench: $(DEV)
	$(CHECK_ENV) DEBUG=0 $(BIN)/python -m tests.bench

fill: $(DEV)
	$(CHECK_ENV) $(BIN)/python -m tests.bench.fill

proof: $(DEV)
	$(CHECK_ENV) $(BIN)/python -m tests.proof

lock: $(DEV)
	$(LOCK) $(UP) --output-file requirements.lock
	$(LOCK) $(UP) --extra optimizer --constraints requirements.lock --output-file requirements-optimizer.lock
	$(LOCK) $(UP) --extra optimizer --extra dev --constraints requirements-optimizer.lock --output-file requirements-dev.lock
