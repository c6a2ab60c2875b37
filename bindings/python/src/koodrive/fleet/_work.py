"""The work folder: what lies where, and how it is written.

    job.json                        the input's fingerprint and size; written last, it makes a job
    units/UNIT.parquet              ids to delete, immutable
    attempts/UNIT/ATTEMPT.intent    this attempt may have sent ids of the unit
    attempts/UNIT/ATTEMPT.parquet   what became of them
    STOP                            no unit is begun while it is there

A unit's name is GENERATION-ROW-DIGEST: generation 0 is the input, each `resume` begins another;
the number of its first row in the sorted input; the SHA-256 of its file, so that no damaged or
exchanged file is taken for it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Union

import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet

from koodrive import InvalidArgument

#: A local path, or a URI of a file system that pyarrow knows.
Folder = Union[str, "os.PathLike[str]"]

_FORMAT = 1
_DIGEST_LENGTH = 16


class Job(NamedTuple):
    """What job.json says."""

    fingerprint: str
    row_count: int


class UnitName(NamedTuple):
    """The parts of a unit's name."""

    generation: int
    first_row: int
    digest: str

    @classmethod
    def parse(cls, name: str) -> UnitName:
        """Read a name."""
        try:
            generation, first_row, digest = name.split("-")
            return cls(int(generation), int(first_row), digest)
        except ValueError:
            raise InvalidArgument(f"unit: {name!r} is no unit's name") from None

    def __str__(self) -> str:
        return f"{self.generation}-{self.first_row:012}-{self.digest}"


class Attempt(NamedTuple):
    """One file of a unit's attempts."""

    unit: str
    attempt: str
    is_intent: bool
    path: str


class Work:
    """A work folder."""

    def __init__(self, folder: Folder) -> None:
        self.name = os.fspath(folder)
        if "://" in self.name:
            self._files, root = pyarrow.fs.FileSystem.from_uri(self.name)
            self._root = root.rstrip("/")
        else:
            self._files = pyarrow.fs.LocalFileSystem()
            self._root = os.path.abspath(self.name)
        self._is_local = isinstance(self._files, pyarrow.fs.LocalFileSystem)

    def job(self) -> Job | None:
        """The job, if one was prepared here."""
        content = self.read("job.json")
        if content is None:
            return None
        try:
            fields = json.loads(content)
            if fields["format"] != _FORMAT:
                raise InvalidArgument(f"{self.place('job.json')}: is of a newer koodrive")
            return Job(fields["fingerprint"], fields["row_count"])
        except (ValueError, KeyError, TypeError):
            raise InvalidArgument(f"{self.place('job.json')}: is damaged") from None

    def existing_job(self) -> Job:
        """The job; an error if none was prepared here."""
        job = self.job()
        if job is None:
            raise InvalidArgument(f"{self.name}: holds no job that was prepared")
        return job

    def write_job(self, job: Job) -> None:
        """Make the folder a job's."""
        self.write("job.json", json.dumps({"format": _FORMAT, **job._asdict()}).encode())

    def units(self, generation: int | None = None) -> list[UnitName]:
        """All units, or those of a generation, in their order."""
        stems = (Path(path).stem for path in self.list("units") if path.endswith(".parquet"))
        names = sorted(map(UnitName.parse, stems))
        return [name for name in names if generation in (None, name.generation)]

    def write_unit(self, generation: int, first_row: int, table: pa.Table) -> None:
        """Write a unit."""
        content = encode(table)
        name = UnitName(generation, first_row, _digest(content))
        self.write(f"units/{name}.parquet", content)

    def read_unit(self, unit: str) -> pa.Table:
        """Read a unit, which must be the file that was written."""
        path = f"units/{unit}.parquet"
        content = self.read(path)
        if content is None:
            raise InvalidArgument(f"{self.place(path)}: is missing")
        if _digest(content) != UnitName.parse(unit).digest:
            raise InvalidArgument(f"{self.place(path)}: is damaged: its SHA-256 is another")
        return _decode(content)

    def read_table(self, path: str) -> pa.Table:
        """Read a Parquet file."""
        try:
            return _decode(self.read(path) or b"")
        except pa.ArrowInvalid:
            raise InvalidArgument(f"{self.place(path)}: is damaged") from None

    def attempts(self, unit: str | None = None) -> list[Attempt]:
        """What is written of the attempts at a unit, or at all."""
        folder = "attempts" if unit is None else f"attempts/{unit}"
        found = []
        for path in self.list(folder):
            stem, suffix = os.path.splitext(os.path.basename(path))
            if suffix in (".intent", ".parquet"):
                name = unit or os.path.basename(os.path.dirname(path))
                found.append(Attempt(name, stem, suffix == ".intent", path))
        return found

    def is_stopped(self) -> bool:
        """Whether somebody wants the workers to end."""
        return self.read("STOP") is not None

    def stop(self, reason: str) -> None:
        """Make all workers end at their next unit."""
        self.write("STOP", f"{reason}\n".encode())

    def place(self, path: str) -> str:
        """A path for people."""
        return f"{self.name}/{path}"

    def list(self, folder: str) -> list[str]:
        """The files below a folder, by their paths in here; none if there is no such folder."""
        where = f"{self._root}/{folder}"
        selector = pyarrow.fs.FileSelector(where, allow_not_found=True, recursive=True)
        found = self._files.get_file_info(selector)
        return [info.path[len(self._root) + 1 :] for info in found if info.is_file]

    def read(self, path: str) -> bytes | None:
        """A whole file; None if there is none."""
        try:
            with self._files.open_input_stream(f"{self._root}/{path}") as file:
                content: bytes = file.read()
                return content
        except FileNotFoundError:
            return None

    def write(self, path: str, content: bytes) -> None:
        """Write a file in one step: whoever sees it sees all of it, and it outlives the machine."""
        target = f"{self._root}/{path}"
        if self._is_local:
            _write_durably(Path(target), content)
            return
        self._files.create_dir(os.path.dirname(target), recursive=True)
        with self._files.open_output_stream(target) as file:
            file.write(content)

    def remove(self, path: str) -> None:
        """Remove a file, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            self._files.delete_file(f"{self._root}/{path}")


def pending_units(work: Folder) -> list[str]:
    """The units without an outcome, in their order: those that a scheduler should run."""
    folder = Work(work)
    folder.existing_job()
    return list(pending(folder))


def pending(work: Work) -> Iterator[str]:
    """The same of an open work folder."""
    finished = {attempt.unit for attempt in work.attempts() if not attempt.is_intent}
    return (unit for unit in map(str, work.units()) if unit not in finished)


def encode(table: pa.Table) -> bytes:
    """Make a Parquet file of a table."""
    sink = pa.BufferOutputStream()
    pyarrow.parquet.write_table(table, sink, compression="zstd")
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _decode(content: bytes) -> pa.Table:
    return pyarrow.parquet.read_table(pa.BufferReader(content))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_DIGEST_LENGTH]


def _write_durably(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    # The file's name, and that of a folder that may be new.
    _sync_folder(path.parent)
    _sync_folder(path.parent.parent)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Where a folder can't be opened, renaming is durable by itself.
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
