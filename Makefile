# Everything runs in .data/ and needs only python3 (3.11 or 3.12).
PYTEST_ARGS ?=
export PYTEST_ARGS

.PHONY: up test test-full fuzz lint bench mutate clean

up: ## the whole service on this machine
	@python3 -m local.up

test: ## the whole suite; PYTEST_ARGS='tests/engine -k rank' for a part of it
	@python3 -m local.suite

test-full: ## the suite on the embedded PostgreSQL and on Debian's PostgreSQL 15
	@python3 -m local.suite --full

fuzz: ## at least 10,000 requests made up from the API's description; says how many
	@NTRUST_FUZZ_CASES=10000 python3 -m local.run -m pytest -q -s tests/faults/test_api_fuzz.py

lint: ## style, types, templates
	@python3 -m local.lint

bench: ## the speed of the engine, of seals, of files, of open boards, of alerts; a report against its SQL; faults
	@python3 -m local.run -m bench

mutate: ## which changed lines of the engine the tests would miss
	@python3 -m local.run -m bench.mutation

clean: ## remove the environment, the servers and their data
	@python3 -m local.clean
