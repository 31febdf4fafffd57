# The commands people use. Each installs what it needs first (scripts/setup says what).

# Tools that scripts/setup could not take from the system.
export PATH := $(CURDIR)/target/tools/bin:$(PATH)

.PHONY: help setup demo docs book dist image test test-apps test-clients test-cluster test-dist measure-revocations soak check advisories fuzz bench bench-database bench-instructions

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile | expand -t 20

setup: ## install what building needs
	@scripts/setup

demo: setup ## build and try BMAuth on http://localhost:8080
	cargo run --locked -- demo

test: ## every test: Rust, real servers and npm, then a real browser in front of the FastAPI example
	@scripts/setup tests
	cargo test --locked
	cargo build --locked
	$(MAKE) --no-print-directory test-clients
	tests/apps/.venv/bin/python -m pytest --quiet tests/apps/test_script_name.py tests/apps/test_verdaccio.py tests/apps/test_recipe_pages.py tests/apps/test_schema.py tests/apps/test_examples.py tests/apps/test_deployments.py
	cd tests/browser && npm test --silent

test-apps: ## real app servers behind the real binary, by HTTP/1.1, HTTP/2, WebSocket and gRPC
	@scripts/setup apps
	cargo build --locked
	tests/apps/.venv/bin/python -m pytest tests/apps

test-clients: ## the Python package with its types, and the examples, without the gateway
	@scripts/setup clients
	cd clients/python && .venv/bin/python -m pytest
	cd clients/python && .venv/bin/mypy
	cd examples/express && npm test --silent

dist: ## build what is released, in target/dist: binary, Debian package, list of parts, checksums
	@scripts/setup dist
	scripts/dist

image: dist ## build a container image with that binary, with podman or buildah
	$$(command -v podman || command -v buildah) build --file Containerfile --build-arg BINARY=dist --tag bmauth:$$(sed -n 's/^version = "\(.*\)"$$/\1/p' Cargo.toml | head -n 1) .

test-dist: ## the Python package with every Python of this machine; the Debian package, the image and the examples, as root
	@scripts/setup dist-tests
	scripts/test-dist
	scripts/dist
	tests/dist/.venv/bin/python -m pytest tests/dist

test-cluster: ## several gateways on one PostgreSQL that fails over: Patroni, etcd and HAProxy on loopback (15 minutes at most)
	@scripts/setup cluster
	cargo build --locked
	tests/cluster/.venv/bin/python -m pytest tests/cluster

measure-revocations: ## measure how long 10,000 revocations at one gateway take to reach another (a quarter of an hour)
	@scripts/setup cluster
	cargo build --locked
	tests/cluster/.venv/bin/python tests/cluster/measure_revocations.py

soak: ## random visitors in front of an app that misbehaves, ten minutes or SOAK_MINUTES
	@scripts/setup apps
	cargo build --locked
	tests/apps/.venv/bin/python tests/apps/soak.py

check: ## formatting, lints and dependencies
	@scripts/setup check
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	scripts/deny

advisories: ## check dependencies against the newest list of known vulnerabilities
	@scripts/setup check
	scripts/deny fetch

fuzz: ## try every parser of untrusted input with made-up inputs, a minute each (needs a nightly compiler and cargo-fuzz)
	@scripts/fuzz

bench: ## measure the gateway beside other proxies (ten minutes on a quiet machine; BENCH_QUICK=1 for a short look)
	@scripts/setup bench
	python3 benches/run.py

bench-database: ## sign-ins with PostgreSQL instead of the embedded store, and ten million sessions in it (fifteen minutes)
	@scripts/setup bench
	python3 benches/run.py database

bench-instructions: ## count the instructions of a request
	@scripts/setup bench
	python3 benches/run.py instructions

docs: ## generate docs/configuration.md and config/bmauth.schema.json from the code
	BMAUTH_WRITE_DOCS=1 cargo test --locked --test docs

book: ## make a book of docs/, into target/book (builds mdBook, the first time)
	@scripts/setup book
	mdbook build
