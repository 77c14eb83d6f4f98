# What a person types. Each target is a line or two; anything longer is a program of its own.
# `make` alone lists the targets.

CARGO   ?= cargo
PYTHON  ?= python3
RECORDS ?= 50000
TARGET  ?= rows
SECONDS ?= 600
KILLS   ?= 4
ROUNDS  ?= 2
# Suites of the clients that run apart too; `--shape apart` alone runs all of them.
APART   ?= bad_input http workbooks sdk_deviations readers validation samples overlap queries objects openapi_client namespaces old_sdk billing reported

.DEFAULT_GOAL := help
.PHONY: help run test check bench pictures bless up down kills faults fuzz fmt client-tests

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1|\2/' | while IFS='|' read -r name text; do printf '  make %-14s %s\n' "$$name" "$$text"; done

run: ## Build and start everything with sample data; a sample file lives its whole life
	$(CARGO) build --release --locked -p usage-ledger
	./target/release/usage-ledger demo --records $(RECORDS)

test: ## Install what the tests need (if missing) and run every suite
	tests/install.sh
	$(CARGO) build --locked -p usage-ledger
	$(CARGO) build --locked -p rql --example answers
	$(PYTHON) tests/clients/run.py --binary target/debug/usage-ledger
	$(PYTHON) tests/clients/run.py --binary target/debug/usage-ledger --shape apart --only $(APART)
	$(CARGO) nextest run --workspace --locked

check: ## Format, lints, licences, docs: what must be green before a commit
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	command -v cargo-deny >/dev/null || $(CARGO) install cargo-deny --locked --version 0.20.2
	$(CARGO) deny --log-level error check licenses bans sources
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked

bench: ## Measure speed and memory as ratios to the machine's limits
	tests/install.sh
	$(CARGO) build --release --locked -p usage-ledger
	$(PYTHON) tests/clients/bench.py --binary target/release/usage-ledger
	$(PYTHON) tests/clients/costs.py --binary target/release/usage-ledger
	$(CARGO) run --release --locked -q -p runtime --example log_bench
	$(CARGO) run --release --locked -q -p runtime --example bus_bench -- .cache/venv-nats/bin/nats-server
	$(CARGO) run --release --locked -q -p usage-ledger --example report_bench -- target/release/usage-ledger
	$(CARGO) run --release --locked -q -p usage-ledger --example lists_bench

pictures: ## Take pictures of the portal's main pages, by light and in the dark, into docs/pictures
	tests/install.sh
	$(CARGO) build --release --locked -p usage-ledger
	$(PYTHON) tests/clients/pictures.py --binary target/release/usage-ledger

bless: ## Write the frozen files that are missing (never changes one that is there)
	BLESS=1 $(CARGO) nextest run --workspace --locked -E 'test(golden)'

up: ## Build the images and start the services apart, two gateways at ports 8080 and 8081 (Docker 26 with compose)
	@docker compose version >/dev/null 2>&1 || { echo "make up needs Docker 26 or later with its compose plugin; docs/nats.md says how to start the services without it." >&2; exit 1; }
	docker compose up --build --detach --wait

down: ## Stop what `make up` started; everything recorded stays in its volumes
	@docker compose version >/dev/null 2>&1 || { echo "make down needs Docker 26 or later with its compose plugin." >&2; exit 1; }
	docker compose down

fuzz: ## Fuzz TARGET (rows, package, numbers, dates) of the workbook reader for SECONDS; docs/hostile-input.md says more
	mkdir -p services/workbook/fuzz/target/found/$(TARGET)
	cd services/workbook/fuzz && $(CARGO) run --release --locked --bin $(TARGET) -- target/found/$(TARGET) corpus/$(TARGET) \
		-max_total_time=$(SECONDS) -timeout=60 -rss_limit_mb=512 -artifact_prefix=target/$(TARGET)-

kills: ## Kill the product KILLS times in every phase of a file's life and count what is lost (nothing)
	$(CARGO) build --locked -p usage-ledger
	KILLS=$(KILLS) $(CARGO) nextest run --locked -p tests --no-capture -E 'test(kills)'

faults: ## Kill services, NATS and members of its cluster under load, ROUNDS times each, and count what is lost (nothing)
	$(CARGO) build --locked -p usage-ledger
	ROUNDS=$(ROUNDS) $(CARGO) test --locked -p tests --test it -- --nocapture --test-threads=1 faults_of
