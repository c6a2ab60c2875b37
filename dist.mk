# make dist: what is released, in target/dist. packaging/README.md says what is in it.

PLATFORMS ?= x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu x86_64-unknown-linux-musl aarch64-unknown-linux-musl \
	x86_64-pc-windows-gnu

DIST_VENV := $(abspath $(TARGET))/dist-venv
$(DIST_VENV)/ready: packaging/requirements.txt | need-$(PYTHON)
	$(PYTHON) -m venv $(DIST_VENV)
	$(DIST_VENV)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

.PHONY: dist
dist: $(DIST_VENV)/ready need-cargo need-git ## make archives and wheels of all PLATFORMS=, and an sdist, in target/dist
	@PATH="$(DIST_VENV)/bin:$$PATH" MAKE="$(MAKE)" TARGET="$(abspath $(TARGET))" packaging/dist.sh $(PLATFORMS)

# The release itself, as a user gets it: the archive elsewhere and the wheel in a fresh environment delete.
.PHONY: test-dist
test-dist: dist sandbox $(VENV)/ready need-cc need-c++ need-pkg-config ## test what `make dist` made for this machine
	$(USES_LIBRARY) CC="$(CC)" CXX="$(CXX)" TARGET="$(abspath $(TARGET))" tests/dist.sh

# The others, as far as emulators go. QUICK=1: without the Rust tests.
.PHONY: test-platforms
test-platforms: $(DIST_VENV)/ready sandbox need-cargo need-pkg-config ## test what `make dist` made for other platforms, by qemu and Wine: QUICK=1
	@PATH="$(DIST_VENV)/bin:$$PATH" TARGET="$(abspath $(TARGET))" QUICK="$(QUICK)" tests/platforms/run.sh

.PHONY: dist-check
dist-check: need-cargo need-git ## build this commit twice, in two folders, and compare byte for byte: PLATFORMS=
	@MAKE="$(MAKE)" TARGET="$(abspath $(TARGET))" packaging/compare_builds.sh $(PLATFORMS)
