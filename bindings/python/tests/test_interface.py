"""The package against include/koodrive.h, and the library that it loads."""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pycparser import c_ast, c_parser

import koodrive
from conftest import REPOSITORY
from koodrive import _library

HEADER = (REPOSITORY / "include" / "koodrive.h").read_text()

# The package has another way for what these do, or no need of it.
NOT_USED = {
    "koodrive_client_delete_scopes",
    "koodrive_error_status",
    "koodrive_outcome_name",
    "koodrive_plan_add",
    "koodrive_plan_add_scopes",
    "koodrive_status_name",
}

C_TYPES: dict[str, Any] = {
    "bool": ctypes.c_bool,
    "char": ctypes.c_char,
    "double": ctypes.c_double,
    "int32_t": ctypes.c_int32,
    "int64_t": ctypes.c_int64,
    "koodrive_outcome": ctypes.c_int32,
    "koodrive_status": ctypes.c_int32,
    "size_t": ctypes.c_size_t,
    "uint32_t": ctypes.c_uint32,
    "uint64_t": ctypes.c_uint64,
    "void": None,
}


def declared_functions() -> dict[str, Any]:
    """The header's functions, each as (result, arguments) in ctypes' terms."""
    code = re.sub(r"/\*.*?\*/|//[^\n]*", "", HEADER, flags=re.DOTALL)
    code = re.sub(r"#ifdef __cplusplus.*?#endif|^#.*?$", "", code, flags=re.DOTALL | re.MULTILINE)
    known = "".join(f"typedef int {name};\n" for name in C_TYPES if name.endswith("_t"))
    tree = c_parser.CParser().parse(f"typedef int bool;\n{known}{code}")
    functions = {}
    for declaration in tree.ext:
        if isinstance(declaration.type, c_ast.FuncDecl):
            parameters = declaration.type.args.params
            arguments = [as_ctypes(parameter.type) for parameter in parameters]
            if arguments == [None]:
                arguments = []
            functions[declaration.name] = (as_ctypes(declaration.type.type), arguments)
    return functions


def as_ctypes(node: Any) -> Any:
    if isinstance(node, c_ast.PtrDecl):
        target = as_ctypes(node.type)
        return ctypes.c_char_p if target is ctypes.c_char else ctypes.POINTER(target)
    if isinstance(node.type, c_ast.Struct):
        return getattr(_library, node.type.name)
    [name] = node.type.names
    return C_TYPES[name] if name in C_TYPES else getattr(_library, name)


def defined(prefix: str) -> dict[str, int]:
    return {name: int(n) for name, n in re.findall(rf"#define {prefix}(\w+) (\d+)", HEADER)}


def test_every_signature_is_the_headers() -> None:
    declared = declared_functions()
    assert {name: declared.get(name) for name in _library.SIGNATURES} == _library.SIGNATURES
    assert set(declared) - set(_library.SIGNATURES) == NOT_USED


def test_the_numbers_are_the_headers() -> None:
    outcomes = {member.name: member.value for member in koodrive.Outcome}
    assert outcomes == defined("KOODRIVE_OUTCOME_")
    statuses = {member.name: member.value for member in koodrive.Status}
    assert statuses == {"OK": 0, **defined("KOODRIVE_ERROR_")}
    major, minor = _library.ABI_VERSION
    assert defined("KOODRIVE_ABI_VERSION_") == {"MAJOR": major, "MINOR": minor}


def import_with(library: Path) -> str:
    """What importing the package says if that is the library."""
    environment = {**os.environ, "KOODRIVE_LIBRARY": str(library)}
    environment["PYTHONPATH"] = str(Path(koodrive.__file__).parents[1])
    command = [sys.executable, "-c", "import koodrive"]
    child = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert child.returncode == 1
    return child.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "unsigned koodrive_abi_version(void) { return 2u << 16 | 3; }",
            "has version 2.3 of koodrive's C interface, this package needs 1.x",
        ),
        ("int other(void) { return 0; }", "is not the koodrive library"),
    ],
)
def test_another_library_is_refused(tmp_path: Path, source: str, message: str) -> None:
    library = tmp_path / "libkoodrive.so"
    compiler = [os.environ.get("CC", "cc"), "-shared", "-fPIC", "-xc", "-", "-o", str(library)]
    subprocess.run(compiler, input=source, text=True, check=True)
    said = import_with(library)
    assert said.startswith("ImportError: ")
    assert str(library) in said
    assert message in said


def test_a_missing_library_is_named(tmp_path: Path) -> None:
    said = import_with(tmp_path / "nothing.so")
    assert said.startswith("ImportError: ")
    assert "nothing.so" in said
    assert "KOODRIVE_LIBRARY" in said
