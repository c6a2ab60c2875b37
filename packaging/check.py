"""Checks the tree of a release: what its shared library needs, exports and weighs.

    check.py TRIPLE FOLDER

A library that breaks a rule would be found by users only.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import NamedTuple

import pefile
from elftools.elf.elffile import ELFFile

MAX_BYTES = int(2.2 * 1024 * 1024)
NEWEST_GLIBC = (2, 17)
# What each system has by itself.
GLIBC = {"libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1", "libutil.so.1"}
LOADERS = {"ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
WINDOWS = re.compile(
    r"(kernel32|ntdll|ws2_32|crypt32|bcrypt|bcryptprimitives|advapi32|userenv|dbghelp|msvcrt"
    r"|api-ms-win-.*)\.dll",
    re.IGNORECASE,
)


class Library(NamedTuple):
    """What a loader sees of a library."""

    name: str | None
    needed: set[str]
    exported: set[str]
    versions: set[str]


def read_elf(file: Path) -> Library:
    """A shared library of Linux."""
    with open(file, "rb") as stream:
        elf = ELFFile(stream)
        tags = list(elf.get_section_by_name(".dynamic").iter_tags())
        symbols = elf.get_section_by_name(".dynsym").iter_symbols()
        needed_versions = elf.get_section_by_name(".gnu.version_r")
        return Library(
            next((tag.soname for tag in tags if tag.entry.d_tag == "DT_SONAME"), None),
            {tag.needed for tag in tags if tag.entry.d_tag == "DT_NEEDED"},
            {symbol.name for symbol in symbols if symbol["st_shndx"] != "SHN_UNDEF"},
            {
                version.name
                for _, of_file in (needed_versions.iter_versions() if needed_versions else [])
                for version in of_file
            },
        )


def read_dll(file: Path) -> Library:
    """A shared library of Windows."""
    dll = pefile.PE(str(file))
    return Library(
        dll.DIRECTORY_ENTRY_EXPORT.name.decode(),
        {entry.dll.decode() for entry in dll.DIRECTORY_ENTRY_IMPORT},
        {symbol.name.decode() for symbol in dll.DIRECTORY_ENTRY_EXPORT.symbols},
        set(),
    )


def declared(header: Path) -> set[str]:
    """The functions of the header."""
    return set(re.findall(r"^[a-z].*\b(koodrive_\w+)\(", header.read_text(), re.MULTILINE))


def major(header: Path) -> str:
    """The major version of the interface."""
    [number] = re.findall(r"define KOODRIVE_ABI_VERSION_MAJOR (\d+)", header.read_text())
    return str(number)


def is_of_the_system(triple: str, needed: str) -> bool:
    """Whether the platform has this library by itself."""
    if "-windows-" in triple:
        return bool(WINDOWS.fullmatch(needed))
    if triple.endswith("-musl"):
        return needed == f"libc.musl-{triple.split('-')[0]}.so.1"
    return needed in GLIBC | LOADERS


def too_new(version: str) -> bool:
    """Whether it names a glibc that the oldest system does not have."""
    number = version.removeprefix("GLIBC_")
    return tuple(map(int, number.split("."))) > NEWEST_GLIBC


def findings(triple: str, tree: Path) -> list[str]:
    """Each rule that is broken."""
    if "-windows-" in triple:
        file = tree / "bin/koodrive.dll"
        library, name = read_dll(file), "koodrive.dll"
    else:
        file = tree / "lib/libkoodrive.so"
        library, name = read_elf(file), f"libkoodrive.so.{major(tree / 'include/koodrive.h')}"
    found = [f"it needs {one}" for one in library.needed if not is_of_the_system(triple, one)]
    found += [f"it needs {one}" for one in library.versions if too_new(one)]
    if library.name != name:
        found.append(f"it is called {library.name}")
    if different := library.exported ^ declared(tree / "include/koodrive.h"):
        found.append(f"it and its header differ in {different}")
    if (size := file.stat().st_size) > MAX_BYTES:
        found.append(f"it has {size} bytes, more than {MAX_BYTES}")
    print(f"{file.relative_to(tree.parent)}: {size} bytes, needs {sorted(library.needed)}")
    return [f"{file}: {one}" for one in found] + named_paths(tree)


def named_paths(tree: Path) -> list[str]:
    """The files that name a folder of this machine."""
    folders = {os.getcwd(), str(Path.home()), os.environ["TARGET"]}
    return [
        f"{file}: names {folder}"
        for file in sorted(tree.rglob("*"))
        for folder in folders
        if file.is_file() and folder.encode() + b"/" in file.read_bytes()
    ]


def main() -> None:
    """The command line."""
    found = findings(sys.argv[1], Path(sys.argv[2]))
    if found:
        raise SystemExit("\n".join(found))


if __name__ == "__main__":
    main()
