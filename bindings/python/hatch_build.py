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
    """Makes the wheel one for this platform and for any Python 3."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the library as the repository's Makefile does, before the wheel is packed."""
        library = _build_library(Path(self.root).parent.parent)
        build_data["force_include"][str(library)] = f"koodrive/{library.name}"
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{_platform_tag()}"


def _build_library(repository: Path) -> Path:
    if not (repository / "Cargo.toml").is_file():
        raise RuntimeError("the koodrive wheel is built inside the koodrive repository only")
    subprocess.run(["make", "-C", str(repository), "library"], check=True, stdout=sys.stderr)
    target = repository / os.environ.get("CARGO_TARGET_DIR", "target")
    suffix = "dylib" if sys.platform == "darwin" else "so"
    return target / "release" / f"libkoodrive.{suffix}"


def _platform_tag() -> str:
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")
