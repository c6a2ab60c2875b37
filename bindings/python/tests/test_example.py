"""The example program says what the one in C says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import koodrive
from conftest import PATIENCE, REPOSITORY, USER, StartSandbox

EXAMPLES = REPOSITORY / "examples"


@pytest.fixture(scope="module")
def c_program(tmp_path_factory: pytest.TempPathFactory) -> str:
    program = str(tmp_path_factory.mktemp("c") / "delete_scopes")
    library = Path(os.environ["KOODRIVE_LIBRARY"]).resolve()
    sources = [str(EXAMPLES / "c" / "delete_scopes.c"), str(library)]
    options = ["-pthread", f"-I{REPOSITORY / 'include'}", f"-Wl,-rpath,{library.parent}"]
    subprocess.run([os.environ.get("CC", "cc"), *options, "-o", program, *sources], check=True)
    return program


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--device", "d", "1", "22", "1", "9"], 1),
        (["--quiet", "--device", "d", "1", "4444", "--file", "-"], 1),
        (["--user", "v", "--device", "d", "--file", "-", "--device", "e", "--file", "-"], 0),
        (["--device", "d", "--dry-run", "--file", "-"], 0),
        (["--user", "forbidden", "--device", "d", "1"], 3),
        (["--device", "d", "1.5"], 2),
        (["--device", "d", ""], 2),
        (["--device", "", "1"], 2),
        (["--user", "", "--device", "d", "1"], 2),
        (["1"], 2),
        (["--device"], 2),
        (["--device", "d", "--unknown"], 2),
        (["--unknown", "d"], 2),
        (["--device", "d", "--file", "no such file"], 2),
    ],
)
def test_it_prints_what_the_c_program_prints(
    c_program: str, start_sandbox: StartSandbox, arguments: list[str], status: int
) -> None:
    python_program = [sys.executable, str(EXAMPLES / "python" / "delete_scopes.py")]
    said = []
    for program in ([c_program], python_program):
        sandbox = start_sandbox(
            scopes={"users": {USER: {"d": ["1", "22", "333"]}}},
            forbidden_users=["forbidden"],
            rejected_ids={"22": {"error_code": "15000999", "msg": "locked"}},
        )
        environment = sandbox.environment()
        environment["PYTHONPATH"] = str(Path(koodrive.__file__).parents[1])
        done = subprocess.run(
            [*program, *arguments],
            input="22\n333\n" if status == 1 else "5\n",
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        said.append((done.returncode, done.stdout, done.stderr))
    assert said[0] == said[1]
    assert said[0][0] == status
