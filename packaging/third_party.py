"""Prints the licences of all that is linked into the library for a platform, besides its own.

third_party.py TRIPLE
"""

from __future__ import annotations

import html.parser
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

LICENCE_FILE = re.compile(r"(un)?licen[cs]e|copying|copyright|notice", re.IGNORECASE)


class Component(NamedTuple):
    """What is linked in, the licence that it says it has, and the texts that come with it."""

    name: str
    licence: str
    texts: list[str]


def output(*command: str) -> str:
    """What the command prints."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def crates(triple: str) -> list[Component]:
    """The crates of the registry, without those that only run while building."""
    tree = ["cargo", "tree", "--locked", "--target", triple, "--edges", "normal,no-proc-macro"]
    linked = set(output(*tree, "--no-dedupe", "--prefix", "none").splitlines())
    describe = ["cargo", "metadata", "--locked", "--format-version", "1"]
    packages = json.loads(output(*describe, "--filter-platform", triple))["packages"]
    # This project's own have a path behind the version in what cargo tree prints.
    return sorted(
        crate(package)
        for package in packages
        if f"{package['name']} v{package['version']}" in linked
    )


def crate(package: dict[str, str]) -> Component:
    """A crate, with the files in its folder."""
    folder = Path(package["manifest_path"]).parent
    files = sorted(file for file in folder.iterdir() if LICENCE_FILE.match(file.name))
    return from_files(f"{package['name']} {package['version']}", package["license"], files)


def from_files(name: str, licence: str, files: list[Path]) -> Component:
    """A component, with the texts of these files."""
    if not files:
        raise SystemExit(f"third_party.py: no text of the licence of {name} was found")
    return Component(name, licence, [file.read_text(errors="replace").strip() for file in files])


class Text(html.parser.HTMLParser):
    """The text of a page, without empty lines in a row."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.feed(page[page.index("<body>") :])

    def handle_data(self, data: str) -> None:
        """What stands between two tags."""
        self.parts.append(data)

    def __str__(self) -> str:
        return re.sub(r"\n\s*\n", "\n\n", "".join(self.parts)).strip()


def rust() -> Component:
    """Rust's standard library, whose notices come with the compiler."""
    sysroot = Path(output("rustc", "--print", "sysroot").strip())
    page = sysroot / "share/doc/rust/COPYRIGHT-library.html"
    version = output("rustc", "--version").split()[1]
    text = str(Text(page.read_text()))
    return Component(f"Rust's standard library {version}", "MIT OR Apache-2.0", [text])


def zig(triple: str) -> list[Component]:
    """What the linker adds."""
    package = importlib.util.find_spec("ziglang")
    assert package
    assert package.origin
    folder = Path(package.origin).parent
    unwinder = folder / "lib/libunwind/LICENSE.TXT"
    added = [
        from_files("Zig's compiler runtime", "MIT", [folder / "LICENSE"]),
        from_files("LLVM's libunwind", "Apache-2.0 WITH LLVM-exception", [unwinder]),
    ]
    if "-windows-" in triple:
        licence = folder / "lib/libc/mingw/COPYING"
        added.append(from_files("mingw-w64's runtime", "ZPL-2.1 and others", [licence]))
    return added


def main() -> None:
    """The command line."""
    triple = sys.argv[1]
    components = [*crates(triple), rust(), *zig(triple)]
    texts = list(dict.fromkeys(text for component in components for text in component.texts))
    print(f"koodrive for {triple} has in it, under the licences below:\n")
    for name, licence, its_texts in components:
        numbers = ", ".join(str(texts.index(text) + 1) for text in its_texts)
        print(f"{name}: {licence} ({numbers})")
    for number, text in enumerate(texts, 1):
        print(f"\n{'=' * 36} {number} {'=' * 36}\n\n{text}")


if __name__ == "__main__":
    main()
