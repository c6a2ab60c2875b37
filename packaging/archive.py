"""Packs a folder into an archive that is the same for the same contents.

    archive.py FOLDER FILE.tar.gz|FILE.zip

All times are SOURCE_DATE_EPOCH, files belong to nobody, and come in the order of their names.
"""

from __future__ import annotations

import gzip
import os
import sys
import tarfile
import time
import zipfile
from pathlib import Path

EPOCH = int(os.environ["SOURCE_DATE_EPOCH"])


def mode(path: Path) -> int:
    """Whatever the umask was."""
    return 0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644


def pack_tar(paths: list[Path], parent: Path, file: Path) -> None:
    """As tar, with symbolic links."""

    def anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.mtime, member.uid, member.gid, member.uname, member.gname = EPOCH, 0, 0, "", ""
        member.mode = 0o777 if member.issym() else mode(parent / member.name)
        return member

    with (
        open(file, "wb") as raw,
        gzip.GzipFile("", "wb", mtime=EPOCH, fileobj=raw) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for path in paths:
            archive.add(path, path.relative_to(parent), recursive=False, filter=anonymous)


def pack_zip(paths: list[Path], parent: Path, file: Path) -> None:
    """As zip; there are no symbolic links on Windows."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in paths:
            if path.is_file():
                name = path.relative_to(parent).as_posix()
                member = zipfile.ZipInfo(name, time.gmtime(EPOCH)[:6])
                member.external_attr = mode(path) << 16
                member.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(member, path.read_bytes())


def main() -> None:
    """The command line."""
    folder, file = Path(sys.argv[1]), Path(sys.argv[2])
    pack = pack_zip if file.suffix == ".zip" else pack_tar
    pack([folder, *sorted(folder.rglob("*"))], folder.parent, file)


if __name__ == "__main__":
    main()
