"""The manual of the C interface, made from include/koodrive.h: `make docs`."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent

project = "koodrive"
author = "the koodrive authors"
project_copyright = author
_cargo = (ROOT / "Cargo.toml").read_text()
release = re.findall(r'^version = "(.*)"', _cargo, re.MULTILINE)[0]
extensions = ["hawkmoth"]
hawkmoth_root = str(ROOT / "include")
# libclang comes without the compiler's own headers.
_headers = subprocess.check_output(["cc", "-print-file-name=include"], text=True).strip()
hawkmoth_autoconf: list[str] = []
hawkmoth_clang_c = ["-isystem", _headers, "-idirafter", "/usr/include"]
html_theme = "alabaster"
man_pages = [("index", "koodrive", "lists and deletes KooDrive backup scopes in bulk", author, 3)]


def _as_plain_text(_: Any, lines: list[str], *__: Any) -> None:
    """Keep what looks like markup: the comments are plain text."""
    lines[:] = [re.sub(r"([*_`|\\])", r"\\\1", line) for line in lines]


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("hawkmoth-process-docstring", _as_plain_text)
