"""The wheel, installed into a fresh environment and used from there."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from conftest import DEVICE, REPOSITORY, Sandbox

PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as `pip install` does, with the build backend that is here already.

    KOODRIVE_PACKAGE names a wheel or an sdist to test instead of this source tree.
    """
    package = Path(os.environ.get("KOODRIVE_PACKAGE", REPOSITORY / "bindings" / "python"))
    if package.suffix == ".whl":
        return package
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--no-build-isolation", "--no-deps", "-w", str(folder)]
    subprocess.run([*PIP, "wheel", *options, str(package)], check=True)
    [built] = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A fresh environment's interpreter; it has the wheel and nothing else."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, symlinks=True)
    interpreter = str(folder / "bin" / "python")
    subprocess.run([*PIP, "--python", interpreter, "install", "--no-index", str(wheel)], check=True)
    return interpreter


def without_this_package(environment: dict[str, str]) -> dict[str, str]:
    hidden = ("KOODRIVE_LIBRARY", "PYTHONPATH")
    return {name: value for name, value in environment.items() if name not in hidden}


def test_it_is_for_this_platform_and_any_python(wheel: Path) -> None:
    system, _, machine = sysconfig.get_platform().partition("-")
    platform = rf"(many)?{system}(_\d+_\d+)?_{machine}"
    assert re.fullmatch(rf"koodrive-[\d.]+-py3-none-{platform}\.whl", wheel.name)


def test_it_holds_the_library_and_the_licences(wheel: Path) -> None:
    assert wheel.stat().st_size <= 2 * 1024 * 1024
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {"koodrive/libkoodrive.so", "koodrive/py.typed", "koodrive/__main__.py"} <= names
    [metadata] = {name.split("/")[0] for name in names if ".dist-info/" in name}
    assert {f"{metadata}/licenses/LICENSE-{name}" for name in ("APACHE", "MIT")} <= names


def test_it_deletes(python: str, sandbox: Sandbox) -> None:
    program = str(Path(python).with_name("koodrive"))
    output = subprocess.run(
        [program, "delete", "--device", DEVICE],
        input="1\n2\n",
        env=without_this_package(sandbox.environment()),
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert output == "2 ids: 2 DELETED; requests: 1\n"


def test_importing_it_takes_less_than_30_ms(python: str) -> None:
    def cpu_seconds(code: str) -> float:
        """The least that a few starts take; waiting for a busy machine doesn't count."""
        environment = without_this_package(dict(os.environ))
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        taken = []
        for _ in range(8):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([python, "-c", code], env=environment, check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        return min(taken)

    assert cpu_seconds("import koodrive") - cpu_seconds("pass") < 0.030
