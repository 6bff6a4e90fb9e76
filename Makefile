# `make` lists the targets. `make check` is what CI runs.

# Clippy, build and test use one set of features, so that every dependency is compiled once. test-clock gives the binary
# a clock that tests can advance.
WORKSPACE_FOR_TESTS := --workspace --features message-manager/test-clock
# The steps of `check`, in this order; tests/run-steps.sh prints the seconds of each.
CHECK_STEPS := format-check unused console-check lint docs build-tests console-types test

.DEFAULT_GOAL := help
.PHONY: help console console-check console-types console-stories bench-console screenshots run install test build-tests soak bench check docs format-check lint unused

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  make %-14s %s\n", $$1, $$2 }'

console: ## Build the staff console, if a source is newer than the last build; needs Node 20.19 and npm
	@crates/console/make-console.sh

run: console ## Build and serve a demo hotel on http://127.0.0.1:8080, with a simulated WhatsApp
	@echo "Building (a few minutes for the first time: SQLite, libpq and some 300 crates), then serving a demo hotel."
	@echo "Its data is in data/. Press Ctrl-C to stop."
	cargo run -p message-manager --features simulator -- serve --demo --simulate-whatsapp

install: console ## Build a release and install it in PREFIX (/usr/local), stripped, with its debug symbols apart; TLS=1 speaks TLS to PostgreSQL
	cargo build --release --locked -p message-manager $(if $(TLS),--no-default-features --features tls)
	docs/deploy/install.sh target/release/message-manager

test: build-tests ## Run all tests, on SQLite and on a PostgreSQL that is started for them
	tests/with-servers.sh cargo test $(WORKSPACE_FOR_TESTS)
	@$(MAKE) console-stories

console-check: console ## Check types, lints, unit tests and sizes of the console, and that a second build is the same
	@crates/console/console-check.sh check

console-types: ## Check that the console's generated types are those of the binary of build-tests
	@crates/console/console-check.sh types

screenshots: ## Make the pictures of README and docs/console.md, with the binary of build-tests
	@SCREENSHOTS=1 crates/console/console-check.sh stories

console-stories: ## Test the console in a browser, with the binary of build-tests
	@crates/console/console-check.sh stories

build-tests: console ## Build the binary with test-clock, and the tests
	cargo build $(WORKSPACE_FOR_TESTS) --bins
	cargo test $(WORKSPACE_FOR_TESTS) --no-run

soak: ## Inject faults into three nodes for ten minutes and check what clients received; SECONDS=60 SEED=7 BUS=postgres DATABASE=sqlite WHATSAPP=1 choose
	cargo build $(WORKSPACE_FOR_TESTS) --bins
	target/debug/soak --seconds $(or $(SECONDS),600) --database $(or $(DATABASE),postgres) --bus $(or $(BUS),redis) $(if $(SEED),--seed $(SEED)) $(if $(WHATSAPP),--whatsapp)

bench: console ## Measure speed and memory; BENCH=quick is short, ROWS=fanout,memory chooses
	cargo build --release -p message-manager --features simulator
	cargo build --release -p bench
	DURABLE=1 tests/with-servers.sh target/release/bench $(if $(filter quick,$(BENCH)),--quick) --rows "$(ROWS)"

bench-console: console ## Measure the console in a browser, with 2,000 open conversations; BENCH=quick is short
	cargo build --release -p message-manager
	@MESSAGE_MANAGER_BINARY=$(CURDIR)/target/release/message-manager BENCH=$(BENCH) crates/console/console-check.sh bench

check: ## Check format, dependencies, lints and documentation, run all tests, and print the seconds of each step
	@tests/run-steps.sh $(CHECK_STEPS)

format-check: ## Check the format
	cargo fmt --all -- --check

lint: ## Run clippy with and without test-clock; warnings are errors
	cargo clippy $(WORKSPACE_FOR_TESTS) --all-targets -- -D warnings
	cargo clippy --workspace --all-targets -- -D warnings

docs: ## Build the documentation of the crates; warnings are errors
	RUSTDOCFLAGS="-D warnings" cargo doc $(WORKSPACE_FOR_TESTS) --no-deps --document-private-items

unused: ## Check for unused dependencies, with cargo-machete
	@if cargo machete --version >/dev/null 2>&1; then cargo machete; \
	else echo "cargo-machete is missing. To get it: cargo install --locked cargo-machete"; test "$(REQUIRE_ALL)" != 1; fi
