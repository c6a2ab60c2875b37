"""The work folder: what lies where, and how it is written.

    job.json                        the input's fingerprint and units; written last, it makes a job
    units/UNIT.parquet              ids to delete, immutable
    attempts/UNIT/ATTEMPT.intent    this attempt may have sent ids of the unit
    attempts/UNIT/ATTEMPT-DIGEST.parquet  what became of them
    STOP                            no unit is begun while it is there

A unit's name is GENERATION-FIRSTROW-LASTROW-DIGEST: generation 0 is the input, each `resume` begins
another; the numbers of its first and its last row in the sorted input; the SHA-256 of its file, so
that no damaged or exchanged file is taken for it. Units of generation 0 share no row; later ones
may, because two `resume`s at once write the same rows.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Union

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs
import pyarrow.parquet

from koodrive import InvalidArgument
from koodrive.fleet._job import Job, UnitName, digest

#: A local path, or a URI of a file system that pyarrow knows.
Folder = Union[str, "os.PathLike[str]"]

#: What pathlib makes of a URI. A drive of Windows has one letter.
_URI_AS_PATH = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:[/\\][^/\\]")

#: A URI up to its host. Many a password has a slash that should be written as %2F.
_USER = re.compile(r"^([^:/]+://)(?:[^/@]*:[^@]*|[^/@]*)@")


class AttemptFile(NamedTuple):
    """One file of a unit's attempts."""

    unit: str
    attempt: str
    #: Of an outcome's content; empty for an intent.
    digest: str
    is_intent: bool
    path: str


class Work:
    """A work folder."""

    def __init__(self, folder: Folder) -> None:
        place = os.fspath(folder)
        #: The folder for people: a URI's user, password and query may be secrets.
        self.name = _without_secrets(place)
        if "://" in place:
            try:
                self._files, root = pyarrow.fs.FileSystem.from_uri(place)
            except pa.ArrowException:  # Its text holds the URI.
                raise InvalidArgument(f"{self.name}: is no URI that pyarrow knows") from None
            self._root = root.rstrip("/")
        elif not isinstance(folder, str) and _URI_AS_PATH.match(place):
            raise InvalidArgument(f"{self.name}: is a path made of a URI; give the URI as a str")
        else:
            self._files = pyarrow.fs.LocalFileSystem()
            self._root = os.path.abspath(place)
        self._known: Job | None = None
        self._is_local = isinstance(self._files, pyarrow.fs.LocalFileSystem)

    def job(self) -> Job | None:
        """The job, if one was prepared here."""
        content = self.read("job.json")
        if content is None:
            return None
        return Job.decode(content, self.place("job.json"))

    def existing_job(self) -> Job:
        """The job; an error if none was prepared here."""
        self._known = self._known or self.job()
        if self._known is None:
            raise InvalidArgument(f"{self.name}: holds no job that was prepared")
        return self._known

    def write_job(self, job: Job) -> None:
        """Make the folder a job's."""
        self.write("job.json", job.encode())

    def units(self) -> list[UnitName]:
        """What units lie here, in their order."""
        stems = (Path(path).stem for path in self.list("units") if path.endswith(".parquet"))
        return sorted(map(UnitName.parse, stems))

    def units_of_job(self) -> list[UnitName]:
        """All units, in their order; an error if one of the input is missing or one is foreign."""
        job = self.existing_job()
        # Before the units: a `resume` may make some meanwhile, which are then begun.
        begun = {file.unit for file in self.attempts()}
        units = self.units()
        inputs = [unit for unit in units if not unit.generation]
        complaint = job.complaint(inputs)
        if complaint is not None:
            for unit in inputs:  # It says which one is damaged or foreign, if one is.
                self.read_unit(str(unit))
            raise InvalidArgument(
                f"{self.place(complaint)}; prepare of the same table writes what is missing"
            )
        for name in sorted(begun - set(map(str, units))):
            raise InvalidArgument(f"{self.place(f'units/{name}.parquet')}: is missing")
        return units

    def write_unit(self, generation: int, table: pa.Table, fingerprint: str) -> UnitName:
        """Write a unit of the job with this fingerprint; its name."""
        name, content = encode_unit(generation, table, fingerprint)
        self.write(f"units/{name}.parquet", content)
        return name

    def has_unit(self, name: UnitName) -> bool:
        """Whether a unit's file is here as it was written."""
        content = self.read(f"units/{name}.parquet")
        return content is not None and digest(content) == name.digest

    def read_unit(self, unit: str) -> pa.Table:
        """Read a unit, which must be the file that was written, of this job."""
        path = f"units/{unit}.parquet"
        name = UnitName.parse(unit)
        content = self.read(path)
        if content is None:
            raise InvalidArgument(f"{self.place(path)}: is missing")
        table, fields = decode(content, self.place(path), name.digest)
        if fields.get("fingerprint") != self.existing_job().fingerprint:
            raise InvalidArgument(f"{self.place(path)}: is of another job")
        if not _are_rows_of(table, name):
            raise InvalidArgument(f"{self.place(path)}: has other rows than its name says")
        return table

    def attempts(self, unit: str | None = None) -> list[AttemptFile]:
        """What is written of the attempts at a unit, or at all."""
        folder = "attempts" if unit is None else f"attempts/{unit}"
        found = []
        for path in self.list(folder):
            stem, suffix = os.path.splitext(os.path.basename(path))
            if suffix in (".intent", ".parquet"):
                name = unit or os.path.basename(os.path.dirname(path))
                is_intent = suffix == ".intent"
                attempt, _, digested = (stem, "", "") if is_intent else stem.partition("-")
                found.append(AttemptFile(name, attempt, digested, is_intent, path))
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
        try:
            with self._files.open_output_stream(target) as file:
                file.write(content)
        except BaseException:
            # Closing it may have made a file of what was written by then.
            with contextlib.suppress(OSError):
                self._files.delete_file(target)
            raise

    def make_folder(self, folder: str) -> None:
        """Make a folder, if it is not there."""
        path = f"{self._root}/{folder}"
        if self._is_local:
            _make_durably(Path(path))
        else:
            self._files.create_dir(path, recursive=True)

    def remove(self, path: str) -> None:
        """Remove a file, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            self._files.delete_file(f"{self._root}/{path}")


def pending_units(work: Folder) -> list[str]:
    """The units without an outcome, in their order: those that a scheduler should run.

    Raises InvalidArgument, which names it, if a unit of the input is missing or one is foreign.
    """
    folder = Work(work)
    units = folder.units_of_job()
    finished = {attempt.unit for attempt in folder.attempts() if not attempt.is_intent}
    return [unit for unit in map(str, units) if unit not in finished]


def encode_unit(generation: int, table: pa.Table, fingerprint: str) -> tuple[UnitName, bytes]:
    """The name and the file of a unit of the job with this fingerprint."""
    content = encode(table, {"fingerprint": fingerprint})
    rows = table["row"]
    return UnitName(generation, rows[0].as_py(), rows[-1].as_py(), digest(content)), content


def _are_rows_of(table: pa.Table, unit: UnitName) -> bool:
    """Whether rows are what the unit's name says: rising, and in generation 0 without a gap."""
    if "row" not in table.column_names or not len(table):
        return False
    rows = table["row"].combine_chunks()
    if rows.null_count or (rows[0].as_py(), rows[-1].as_py()) != (unit.first_row, unit.last_row):
        return False
    is_rising = pc.all(pc.less(rows[:-1], rows[1:]), min_count=0).as_py()
    return is_rising and (unit.generation > 0 or unit.last_row - unit.first_row + 1 == len(rows))


def encode(table: pa.Table, fields: dict[str, Any]) -> bytes:
    """Make a Parquet file of a table and what else is to be known of it."""
    sink = pa.BufferOutputStream()
    # In one piece: equal tables make equal files.
    whole = table.combine_chunks().replace_schema_metadata({"koodrive": json.dumps(fields)})
    pyarrow.parquet.write_table(whole, sink, compression="zstd")
    content: bytes = sink.getvalue().to_pybytes()
    return content


def decode(content: bytes, place: str, wanted: str) -> tuple[pa.Table, dict[str, Any]]:
    """The same back; an error that names the file's place if its digest is not the wanted one."""
    if digest(content) != wanted:
        raise InvalidArgument(f"{place}: is damaged: its SHA-256 is another")
    try:
        table = pyarrow.parquet.read_table(pa.BufferReader(content))
        fields = json.loads(table.schema.metadata[b"koodrive"])
        if not isinstance(fields, dict):
            raise TypeError
    except (pa.ArrowException, KeyError, ValueError, TypeError, OSError):
        raise InvalidArgument(f"{place}: is no file of koodrive.fleet") from None
    return table.replace_schema_metadata(), fields


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """What to write in the place of a file, which it becomes when it is whole."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        yield temporary
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _write_durably(path: Path, content: bytes) -> None:
    _make_durably(path.parent)
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    _sync_folder(path.parent)


def _make_durably(folder: Path) -> None:
    if folder.is_dir() or folder == folder.parent:
        return
    _make_durably(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # On Windows, or without the right to list it: there is no more to be done.
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _without_secrets(place: str) -> str:
    if "://" not in place:
        return place
    return _USER.sub(r"\1", re.split("[?#]", place)[0])
