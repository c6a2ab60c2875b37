# The front door. `make help` lists what it opens.

CARGO ?= cargo
CC ?= cc
TARGET := $(or $(CARGO_TARGET_DIR),target)
RELEASE := $(TARGET)/release
LIBRARY := $(RELEASE)/libkoodrive.so
# The interface's major version, as src/ffi/version.rs has it; a test compares them.
SONAME := libkoodrive.so.1
# Once loaded the library stays mapped: a look-up stuck in the system's resolver may return after
# dlclose.
LINK_ARGS := -C link-arg=-Wl,-soname,$(SONAME),-z,nodelete

.PHONY: all
all: library ## build target/release/libkoodrive.so and libkoodrive.a

.PHONY: library
library: need-cargo
	$(CARGO) rustc --locked --release --lib --crate-type cdylib,staticlib -- $(LINK_ARGS)
	@ln -sf libkoodrive.so $(RELEASE)/$(SONAME)

.PHONY: sandbox
sandbox: need-cargo
	$(CARGO) build --locked -p koodrive-sandbox

.PHONY: demo
demo: library sandbox need-cc ## delete the page's example, then 1,000 scopes, on the embedded sandbox
	@CC="$(CC)" TARGET="$(TARGET)" tests/demo.sh

.PHONY: test
test: library need-cc need-valgrind ## run every test in every language
	KOODRIVE_RELEASE="$(abspath $(RELEASE))" $(CARGO) test --locked --workspace

.PHONY: lint
lint: need-cargo ## check formats and lints, warnings denied
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

.PHONY: header
header: need-cargo ## refresh include/koodrive.h from src/ffi
	KOODRIVE_UPDATE_HEADER=1 $(CARGO) test --locked --test header drift

.PHONY: clean
clean: ## remove everything that was built
	$(CARGO) clean

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# A tool that is missing and can't be provided is named in one line.
need-%:
	@command -v $(if $(filter cc,$*),$(CC),$*) >/dev/null || \
		{ echo "koodrive: '$*' is needed and was not found; please install it" >&2; exit 1; }
