# SPDX-License-Identifier: Apache-2.0
# `make` prints what can be made. The two that matter: `make run` and `make test`.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PORT ?= 3000
STORE ?=
PREFIX ?= /usr/local
PACKAGES ?= out/packages
FUZZ_SECONDS ?= 60
SOAK_SECONDS ?= 1800

SANITIZE := -Db_sanitize=address,undefined -Db_lundef=false
SERVE_FLAGS := --listen 127.0.0.1:$(PORT) $(if $(STORE),--store $(STORE))

help: ## print this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## install what is missing, build, and serve on port 3000 (PORT=, STORE=, GOPROXY= are heard)
	@tools/deps run
	@tools/build build --buildtype=debugoptimized -Dtests=false
	@GOPROXY="$$(tools/goproxy)" exec build/modgate serve $(SERVE_FLAGS)

test: ## build with sanitizers and run every test: unit, corpus, black box
	@tools/run-tests

build: ## build/modgate, nothing else
	@tools/deps run
	@tools/build build --buildtype=debugoptimized -Dtests=false

bench: ## measure against nginx and goproxy (docs/performance.md)
	@tools/deps bench
	@bench/run

bench-large: ## the same over a store of 1,000,000 versions
	@tools/deps bench
	@bench/run --large

fuzz: ## run each fuzz target for FUZZ_SECONDS (60); FUZZ=name picks one
	@tools/deps fuzz
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tools/run-fuzz $(FUZZ)

soak: ## what is too long for `make test`: SOAK_SECONDS (1800) of load, kills and faults
	@tools/deps test
	@SOAK_SECONDS=$(SOAK_SECONDS) tools/run-tests --soak

lint: ## formatting, layers, documents, warnings of gcc and clang, MinGW, clang-tidy, cppcheck
	@tools/deps lint
	@tools/lint

install: build ## program, manual pages, completions to PREFIX (/usr/local), below DESTDIR
	@tools/packages/install build/modgate "$(DESTDIR)" "$(PREFIX)"

deb: build ## a Debian package, in PACKAGES (out/packages)
	@tools/deps packages
	@tools/packages/deb build/modgate $(PACKAGES)

image: build ## a container image without a daemon: an OCI layout and its archive, in PACKAGES
	@tools/deps packages
	@tools/packages/image.py build/modgate $(PACKAGES)

clean: ## remove what was built (not .cache, which holds downloads)
	@rm -rf build out

.PHONY: help run test build bench bench-large fuzz soak lint install deb image clean
