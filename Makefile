# `make` lists what there is. `make check` is what CI runs.

# What every build of the program for tests has: a clock that tests can put forward.
BUILD_FOR_TESTS := cargo build -p message-manager --features test-clock

.DEFAULT_GOAL := help
.PHONY: help run test soak bench check docs format-check lint unused

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  make %-14s %s\n", $$1, $$2 }'

run: ## Build and serve a demo hotel on http://127.0.0.1:8080, with a simulated WhatsApp
	@echo "Building (the first time a few minutes: SQLite, libpq and some 300 crates), then serving a demo hotel."
	@echo "Its data is in data/. Ctrl-C ends it."
	cargo run -p message-manager -- serve --demo --simulate-whatsapp

test: ## Run all tests, on SQLite and on a PostgreSQL that is started for them
	$(BUILD_FOR_TESTS)
	tests/with-servers.sh cargo test --workspace

soak: ## Let nodes fail for ten minutes and check what clients saw; SECONDS=60 SEED=7 BUS=postgres DATABASE=sqlite WHATSAPP=1 choose
	$(BUILD_FOR_TESTS)
	cargo build -p acceptance --bin soak
	target/debug/soak --seconds $(or $(SECONDS),600) --database $(or $(DATABASE),postgres) --bus $(or $(BUS),redis) $(if $(SEED),--seed $(SEED)) $(if $(WHATSAPP),--whatsapp)

bench: ## Measure speed and memory; BENCH=quick is short, ROWS=fanout,memory chooses
	cargo build --release -p message-manager
	cargo build --release -p bench
	DURABLE=1 tests/with-servers.sh target/release/bench $(if $(filter quick,$(BENCH)),--quick) --rows "$(ROWS)"

check: format-check lint docs unused test ## Format, lints, docs, unused dependencies, tests

format-check: ## Only look whether all is formatted
	cargo fmt --all -- --check

lint: ## Clippy; no warning is left
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy -p message-manager --all-targets --features test-clock -- -D warnings

docs: ## Build the crates' documentation; no warning is left
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items

unused: ## Look for dependencies that nothing uses
	tests/unused-dependencies.sh
