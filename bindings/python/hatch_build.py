"""Compiles the koodrive library and puts it into the wheel."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class LibraryBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Makes the wheel one for one platform and for any Python 3.

    The library is compiled for this machine, or it is that of the unpacked archive that
    KOODRIVE_RELEASE_TREE names, which is for the platform KOODRIVE_WHEEL_PLATFORM.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Put the library and the licences into the wheel, before it is packed."""
        repository = _repository(Path(self.root))
        licences = [repository / "LICENSE-APACHE", repository / "LICENSE-MIT"]
        release = os.environ.get("KOODRIVE_RELEASE_TREE")
        if release:
            library = _released_library(Path(release))
            platform = os.environ["KOODRIVE_WHEEL_PLATFORM"]
            licences.append(Path(release, "THIRD-PARTY.txt"))
            build_data["sbom_files"].append(str(Path(release, "koodrive.cdx.json")))
        else:
            library, platform = _build_library(repository), _platform_tag()
        included = build_data["force_include"]
        included[str(library)] = f"koodrive/{library.name}"
        for licence in licences:
            included[str(licence)] = (
                f"koodrive-{self.metadata.version}.dist-info/licenses/{licence.name}"
            )
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform}"


def _repository(root: Path) -> Path:
    """The folder of the library's sources: an sdist has them beside this file."""
    for folder in (root / "library", root.parent.parent):
        if (folder / "Cargo.toml").is_file():
            return folder
    raise RuntimeError("the koodrive wheel is built inside the koodrive repository or sdist only")


def _released_library(release: Path) -> Path:
    dll = release / "bin" / "koodrive.dll"
    return dll if dll.exists() else release / "lib" / "libkoodrive.so"


def _build_library(repository: Path) -> Path:
    """Build the library as the repository's Makefile does."""
    subprocess.run(["make", "-C", str(repository), "library"], check=True, stdout=sys.stderr)
    target = repository / os.environ.get("CARGO_TARGET_DIR", "target")
    suffix = "dylib" if sys.platform == "darwin" else "so"
    return target / "release" / f"libkoodrive.{suffix}"


def _platform_tag() -> str:
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")
