# `make help` lists the targets.

CARGO ?= cargo
CC ?= cc
CXX ?= c++
TARGET := $(or $(CARGO_TARGET_DIR),target)
# The platform that the library is for, as Rust names it, if it is not this machine; dist.mk has a linker for
# each. GLIBC is the oldest version that it is to run with.
TRIPLE ?=
GLIBC ?=
WINDOWS := $(findstring -windows-,$(TRIPLE))
RELEASE := $(TARGET)/$(if $(TRIPLE),$(TRIPLE)/)release
LIBRARY := $(RELEASE)/$(if $(WINDOWS),koodrive.dll,libkoodrive.so)
# The interface's major version, as src/ffi/version.rs has it; a test compares them.
SONAME := libkoodrive.so.1
# rustc says what the static library needs of the system; install.mk reads it.
RUSTC_ARGS := --print native-static-libs=$(abspath $(RELEASE))/native-static-libs
# The library's own code; the crates that it uses have levels in Cargo.toml. By 3 it would be 33 KiB larger, and 65 KiB
# by the compiler's own idea of what is small enough to inline (225); what runs once an id asks for it.
RUSTC_ARGS += -C opt-level=2 -C llvm-args=-inline-threshold=125
ifdef WINDOWS
# Zig exports all that is linked in, where nothing says what to export.
DEF := $(abspath $(RELEASE))/koodrive.def
RUSTC_ARGS += -C link-arg=$(DEF)
else
# Once loaded the library stays mapped: a look-up stuck in the system's resolver may return after
# dlclose.
RUSTC_ARGS += -C link-arg=-Wl,-soname,$(SONAME),-z,nodelete,--hash-style=gnu
endif

# More for the linker, of a platform.
RUSTC_ARGS += $(LINK_ARGS)

# The environment of programs that are tested against this tree. Go's cache keeps what pkg-config once
# said, so that of this tree has a place of its own.
USES_LIBRARY = PKG_CONFIG_PATH="$(abspath $(RELEASE))/pkgconfig" GOCACHE="$(abspath $(TARGET))/go-cache" \
	KOODRIVE_SANDBOX="$(abspath $(TARGET))/debug/koodrive-sandbox"

.PHONY: all
all: library pkg-config ## build target/release/libkoodrive.so and libkoodrive.a

.PHONY: library
library: need-cargo $(DEF)
	$(CARGO) rustc --locked --release --lib --crate-type cdylib,staticlib \
		$(if $(TRIPLE),--target $(TRIPLE)$(GLIBC:%=.%)) -- $(RUSTC_ARGS)
	@$(if $(WINDOWS),,ln -sf libkoodrive.so $(RELEASE)/$(SONAME))

.PHONY: sandbox
sandbox: need-cargo ## build target/debug/koodrive-sandbox
	$(CARGO) build --locked -p koodrive-sandbox

.PHONY: demo
demo: library pkg-config sandbox need-cc need-c++ ## delete scopes on the embedded sandbox, in each language found
	@$(USES_LIBRARY) CC="$(CC)" CXX="$(CXX)" TARGET="$(TARGET)" tests/demo.sh

.PHONY: test
test: test-rust test-python test-go test-install ## run every test in every language

# The core, and C and C++ programs against the built library.
.PHONY: test-rust
test-rust: library need-cc need-c++ need-valgrind need-readelf
	KOODRIVE_RELEASE="$(abspath $(RELEASE))" $(CARGO) test --locked --workspace

# Python's tools, of the versions that bindings/python names.
PYTHON ?= python3
VENV := $(abspath $(TARGET))/venv
$(VENV)/ready: bindings/python/requirements-dev.txt | need-$(PYTHON)
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

.PHONY: test-python
test-python: library sandbox $(VENV)/ready
	cd bindings/python && PYTHONDONTWRITEBYTECODE=1 KOODRIVE_LIBRARY="$(abspath $(LIBRARY))" \
	$(USES_LIBRARY) $(VENV)/bin/python -m pytest -q -p no:cacheprovider

# A tool box of its own, for a test that takes 445 MB and a JDK.
SPARK_VENV := $(abspath $(TARGET))/spark-venv
$(SPARK_VENV)/ready: bindings/python/requirements-spark.txt | need-$(PYTHON)
	$(PYTHON) -m venv $(SPARK_VENV)
	$(SPARK_VENV)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

.PHONY: test-spark
test-spark: library sandbox $(SPARK_VENV)/ready need-java ## a job of koodrive.fleet on Spark, with speculation, whose workers are killed
	cd bindings/python && PYTHONDONTWRITEBYTECODE=1 KOODRIVE_LIBRARY="$(abspath $(LIBRARY))" \
	$(USES_LIBRARY) $(SPARK_VENV)/bin/python -m pytest -q -p no:cacheprovider tests/test_fleet_spark.py

.PHONY: test-go
test-go: library pkg-config sandbox need-cc need-pkg-config
	export PATH="$$(TARGET=$(TARGET) tests/tools.sh)" $(USES_LIBRARY); \
	go -C bindings/go vet ./... && go -C bindings/go test -race -count=1 ./... && \
	GOEXPERIMENT=cgocheck2 go -C bindings/go test -count=1 ./... && TARGET=$(TARGET) tests/go-examples.sh

# C, C++ and Go programs against a scratch prefix, by pkg-config and by CMake, shared and static.
.PHONY: test-install
test-install: library sandbox need-cc need-c++ need-pkg-config
	export PATH="$$(TARGET=$(TARGET) tests/tools.sh)" $(USES_LIBRARY); \
	MAKE="$(MAKE)" CC="$(CC)" TARGET="$(TARGET)" tests/install.sh

# Prints the seed of a violation, which replays it.
RUNS ?= 100000
.PHONY: simulate
simulate: need-cargo ## simulate RUNS= runs against a service that fails, from seeds
	KOODRIVE_SIMULATION_RUNS=$(RUNS) $(CARGO) test --locked --profile simulation --test simulation \
		as_many_as_wanted -- --ignored --nocapture

.PHONY: crashes
crashes: need-cargo ## simulate RUNS= journaled runs in processes that are killed or lose their power, most of the time
	KOODRIVE_SIMULATION_RUNS=$(RUNS) $(CARGO) test --locked --profile simulation --test simulation \
		as_many_crashes_as_wanted -- --ignored --nocapture

KILLS ?= 300
.PHONY: kill
kill: library pkg-config sandbox need-cc need-pkg-config need-$(PYTHON) ## kill journaled runs in C, Python and Go KILLS= times, and take them up
	@export PATH="$$(TARGET=$(TARGET) tests/tools.sh)" $(USES_LIBRARY); \
	CC="$(CC)" TARGET="$(TARGET)" KILLS=$(KILLS) tests/kill.sh

SECONDS ?= 20
.PHONY: fuzz
fuzz: need-cargo ## fuzz each target for SECONDS=20, where the nightly toolchain is
	@CARGO="$(CARGO)" TARGET="$(TARGET)" tests/fuzz/run.sh $(SECONDS)

.PHONY: sanitize
sanitize: sandbox need-cc ## C programs under AddressSanitizer and ThreadSanitizer, the interface under Miri
	@CARGO="$(CARGO)" CC="$(CC)" TARGET="$(TARGET)" tests/sanitizers.sh

.PHONY: bench
bench: library pkg-config need-cc need-pkg-config need-$(PYTHON) ## measure beside a bare socket and other clients: QUICK=1, PUBLISH=1
	@$(USES_LIBRARY) TARGET="$(abspath $(TARGET))" CARGO="$(CARGO)" CC="$(CC)" $(PYTHON) -B tests/bench/bench.py \
		$(if $(QUICK),--quick) $(if $(PUBLISH),--publish)

BENCH_TARGET := CARGO_TARGET_DIR="$(abspath $(TARGET))/bench/cargo"
.PHONY: microbench
microbench: need-cargo ## time the library's parts without a network
	$(BENCH_TARGET) $(CARGO) bench --locked --manifest-path tests/bench/Cargo.toml --bench library

# Tools of the registry that no test needs.
USES_TOOLS = export PATH="$(abspath $(TARGET))/tools/bin:$$PATH"; \
	provide() { command -v $$1 > /dev/null || $(CARGO) install --quiet --locked --root $(TARGET)/tools $$1@$$2; }

# The tests that judge the code it changes. It takes some hours.
.PHONY: mutants
mutants: need-cargo ## change the code in small ways, one at a time, and see which the tests do not notice
	@$(USES_TOOLS); provide cargo-mutants 27.1.0 && \
	CARGO_PROFILE_DEV_DEBUG=0 cargo-mutants mutants -j 2 --timeout 120 -o $(TARGET)/mutants \
		-- --locked --test contract --test outcomes --test plans --test journal --test events --test listing \
		--test faults --test simulation

.PHONY: deny
deny: need-cargo ## check licences, bans and sources of all dependencies
	@$(USES_TOOLS); provide cargo-deny 0.20.2 && cargo-deny --locked check licenses bans sources

.PHONY: sbom
sbom: need-cargo ## write target/koodrive.cdx.json, a CycloneDX bill of materials
	@$(USES_TOOLS); provide cargo-cyclonedx 0.5.9 && \
	cargo-cyclonedx cyclonedx --quiet --format json --spec-version 1.5 --no-build-deps \
		--target "$(or $(TRIPLE),$$(rustc -vV | sed -n 's/host: //p'))" && \
	sed 's|file://$(CURDIR)|file:///koodrive|g' koodrive.cdx.json > $(TARGET)/koodrive.cdx.json; \
	rm -f koodrive.cdx.json tests/sandbox/koodrive-sandbox.cdx.json

C_SOURCES := examples/c/*.c examples/cpp/*.cpp include/koodrive.hpp tests/abi/*.c tests/abi/*.h \
	tests/abi/*.cpp tests/bench/c/*
PYTHON_SOURCES := src tests conftest.py hatch_build.py ../../docs ../../examples/python ../../packaging ../../tests/bench
GO_SOURCES := bindings/go examples/go tests/bench/go

.PHONY: lint
lint: library pkg-config $(VENV)/ready ## check formats and lints, warnings denied
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	$(CARGO) fmt --manifest-path tests/bench/Cargo.toml --check
	$(BENCH_TARGET) $(CARGO) clippy --locked --manifest-path tests/bench/Cargo.toml --all-targets -- -D warnings
	$(VENV)/bin/clang-format --dry-run -Werror $(C_SOURCES)
	$(VENV)/bin/shellcheck tests/*.sh tests/fuzz/*.sh tests/platforms/*.sh packaging/*.sh .ci/run
	export PATH="$$(TARGET=$(TARGET) tests/tools.sh)"; \
	test -z "$$(gofmt -l $(GO_SOURCES))"
	cd bindings/python && $(VENV)/bin/ruff check --no-cache $(PYTHON_SOURCES) && \
	$(VENV)/bin/ruff format --no-cache --check $(PYTHON_SOURCES) && \
	$(VENV)/bin/mypy --cache-dir $(abspath $(TARGET))/mypy

# A tool box of its own, for a manual that no test needs.
DOCS_VENV := $(abspath $(TARGET))/docs-venv
$(DOCS_VENV)/ready: docs/requirements.txt | need-$(PYTHON)
	$(PYTHON) -m venv $(DOCS_VENV)
	$(DOCS_VENV)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

.PHONY: docs
docs: $(DOCS_VENV)/ready need-cc ## make the C interface's manual: target/docs/html/index.html, target/docs/man/koodrive.3
	@for form in html man; do \
		$(DOCS_VENV)/bin/python -m sphinx -q -W -b $$form docs $(TARGET)/docs/$$form || exit 1; \
	done

.PHONY: header
header: need-cargo ## refresh include/koodrive.h from src/ffi
	KOODRIVE_UPDATE_HEADER=1 $(CARGO) test --locked --test header drift

include install.mk
include dist.mk

.PHONY: clean
clean: ## remove everything that was built
	$(CARGO) clean

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# A tool that is missing and can't be provided is named in one line.
need-%:
	@command -v $(or $(if $(filter cc,$*),$(CC)),$(if $(filter c++,$*),$(CXX)),$*) >/dev/null || \
		{ echo "koodrive: '$*' is needed and was not found; please install it" >&2; exit 1; }
