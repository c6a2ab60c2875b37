# make install [PREFIX=/usr/local] [LIBDIR=] [BINDIR=] [INCLUDEDIR=] [DESTDIR=], and make uninstall with the same
# arguments. The tree is that of `cargo cinstall`, with a CMake package and the C++ header beside it.

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
BINDIR ?= $(PREFIX)/bin
INCLUDEDIR ?= $(PREFIX)/include
INSTALL ?= install

VERSION := $(shell awk -F '"' '/^version = / { print $$2; exit }' Cargo.toml)
ifdef WINDOWS
SHARED := $(BINDIR)/koodrive.dll
# The import library by two names: gcc looks for the first, MSVC and Zig for the second.
LINKED := $(addprefix $(LIBDIR)/,libkoodrive.dll.a koodrive.lib koodrive.def)
else
# The shared library's file follows the interface's version, not the package's.
ABI := $(shell awk '/define KOODRIVE_ABI_VERSION_M/ { printf "%s.", $$3 }' include/koodrive.h)0
SHARED := $(LIBDIR)/libkoodrive.so.$(ABI)
LINKED := $(addprefix $(LIBDIR)/,$(SONAME) libkoodrive.so)
endif
# What the static library needs of the system, as rustc says (`make library` asks it). The compiler
# adds gcc_s and c by itself, and gcc_s has no static form.
NATIVE_LIBS = $(strip $(filter-out -lgcc_s -lc,$(file < $(RELEASE)/native-static-libs)))

PKG_CONFIG_FILE := $(LIBDIR)/pkgconfig/koodrive.pc
CMAKE_FILES := $(addprefix $(LIBDIR)/cmake/koodrive/,koodriveConfig.cmake koodriveConfigVersion.cmake)
HEADERS := $(addprefix $(INCLUDEDIR)/,koodrive.h koodrive.hpp)
LIBRARIES := $(SHARED) $(LINKED) $(LIBDIR)/libkoodrive.a
# The prefix as koodrive.pc names it. Relative to that file, the tree can be moved: ${pcfiledir}/../..
PKG_CONFIG_PREFIX ?= $(PREFIX)

# Fills in a template: $(call fill,TEMPLATE,PREFIX,LIBDIR,INCLUDEDIR,NATIVE_LIBS)
fill = sed -e 's|@PREFIX@|$2|' -e 's|@LIBDIR@|$3|' -e 's|@INCLUDEDIR@|$4|' -e 's|@NATIVE_LIBS@|$5|' \
	-e 's|@VERSION@|$(VERSION)|' -e 's|@SHARED@|$(call from_libdir,$(SHARED))|' -e 's|@SONAME@|$(SONAME)|' \
	-e "s|@POINTER_BYTES@|$$(( $$(getconf LONG_BIT) / 8 ))|" packaging/$1
from_libdir = $(shell realpath -m --relative-to=$(LIBDIR) $1)
below_prefix = $(patsubst $(PREFIX)/%,$${prefix}/%,$1)
# The functions' names, which the header has at the left margin. (make counts the brackets.)
FUNCTIONS = $(shell sed -n 's/^[a-z].*\<\(koodrive_[a-z0-9_]*\)[(].*[)]*/\1/p' include/koodrive.h)
comma := ,
empty :=
space := $(empty) $(empty)

# What programs in this repository build with, where nothing is installed.
.PHONY: pkg-config
pkg-config: library
	@mkdir -p $(RELEASE)/pkgconfig
	@$(call fill,koodrive.pc.in,$(CURDIR),$(abspath $(RELEASE)),$${prefix}/include,$(NATIVE_LIBS)) | \
		sed 's|^Libs: |&-Wl$(comma)-rpath$(comma)$${libdir} |' > $(RELEASE)/pkgconfig/koodrive.pc

ifdef WINDOWS
$(DEF): include/koodrive.h
	@mkdir -p $(@D)
	printf '%s\n' "LIBRARY koodrive.dll" EXPORTS $(FUNCTIONS) > $@
endif

.PHONY: install
install: library ## install libraries, headers, koodrive.pc and a CMake package: PREFIX= DESTDIR=
	$(INSTALL) -d $(addprefix $(DESTDIR),$(sort $(dir $(LIBRARIES) $(HEADERS) $(PKG_CONFIG_FILE) $(CMAKE_FILES))))
	$(INSTALL) -m 644 $(addprefix include/,$(notdir $(HEADERS))) $(DESTDIR)$(INCLUDEDIR)
	$(INSTALL) -m 644 $(RELEASE)/libkoodrive.a $(DESTDIR)$(LIBDIR)
	$(INSTALL) -m 755 $(LIBRARY) $(DESTDIR)$(SHARED)
ifdef WINDOWS
	$(INSTALL) -m 644 $(RELEASE)/libkoodrive.dll.a $(DESTDIR)$(LIBDIR)
	$(INSTALL) -m 644 $(RELEASE)/libkoodrive.dll.a $(DESTDIR)$(LIBDIR)/koodrive.lib
	$(INSTALL) -m 644 $(DEF) $(DESTDIR)$(LIBDIR)
else
	for link in $(LINKED); do ln -sf $(notdir $(SHARED)) $(DESTDIR)$$link || exit; done
endif
	$(call fill,koodrive.pc.in,$(PKG_CONFIG_PREFIX),$(call below_prefix,$(LIBDIR)),$(call below_prefix,$(INCLUDEDIR)),$(NATIVE_LIBS)) \
		> $(DESTDIR)$(PKG_CONFIG_FILE)
	for file in $(notdir $(CMAKE_FILES)); do \
		$(call fill,$$file.in,,,$(call from_libdir,$(INCLUDEDIR)),$(subst $(space),;,$(NATIVE_LIBS:-l%=%))) \
			> $(DESTDIR)$(LIBDIR)/cmake/koodrive/$$file || exit; \
	done

.PHONY: uninstall
uninstall: ## remove what `make install` installed
	rm -f $(addprefix $(DESTDIR),$(LIBRARIES) $(HEADERS) $(PKG_CONFIG_FILE) $(CMAKE_FILES))
	rmdir $(DESTDIR)$(LIBDIR)/cmake/koodrive
