# The commands people use. Each installs what it needs first (scripts/setup says what).

# Tools that scripts/setup could not take from the system.
export PATH := $(CURDIR)/target/tools/bin:$(PATH)

.PHONY: help setup demo test test-apps soak check advisories fuzz bench bench-instructions

help: ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile | expand -t 20

setup: ## install what building needs
	@scripts/setup

demo: setup ## build and try BMAuth on http://localhost:8080
	cargo run --locked -- demo

test: ## every test: Rust, real servers and npm, then a real browser in front of the FastAPI example
	@scripts/setup tests
	cargo test --locked
	cargo build --locked
	tests/apps/.venv/bin/python -m pytest --quiet tests/apps/test_script_name.py tests/apps/test_verdaccio.py tests/apps/test_recipe_pages.py
	cd tests/browser && npm test --silent

test-apps: ## real app servers behind the real binary, by HTTP/1.1, HTTP/2, WebSocket and gRPC
	@scripts/setup apps
	cargo build --locked
	tests/apps/.venv/bin/python -m pytest tests/apps

soak: ## random visitors before an app that misbehaves, ten minutes (SOAK_MINUTES says otherwise)
	@scripts/setup apps
	cargo build --locked
	tests/apps/.venv/bin/python tests/apps/soak.py

check: ## formatting, lints and dependencies
	@scripts/setup check
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	scripts/deny

advisories: ## dependencies against the newest list of known vulnerabilities
	@scripts/setup check
	scripts/deny fetch

fuzz: ## try every reader of what strangers write with made-up inputs, a minute each (needs a nightly compiler and cargo-fuzz)
	@scripts/fuzz

bench: ## measure the gateway beside other proxies (ten minutes on a quiet machine; BENCH_QUICK=1 for a short look)
	@scripts/setup bench
	python3 benches/run.py

bench-instructions: ## count the instructions of a request
	@scripts/setup bench
	python3 benches/run.py instructions
