"""Makes a shared library need musl by the name that its RUNPATH holds, and removes the RUNPATH.

    name_musl.py FILE

Zig's linker asks for `libc.so`, which musl's loader takes for itself, as it does
`libc.musl-x86_64.so.1`. Alpine and auditwheel go by the longer name. The linker brings it into the
library as a RUNPATH; patchelf, which makes room by itself, would add 12 KiB.
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path

from elftools.elf.elffile import ELFFile

ENTRY = struct.Struct("<qQ")


def main() -> None:
    """The command line."""
    file = Path(sys.argv[1])
    with open(file, "rb") as stream:
        dynamic = ELFFile(stream).get_section_by_name(".dynamic")
        tags = list(dynamic.iter_tags())
        start = dynamic["sh_offset"]
    [name] = [tag.entry.d_val for tag in tags if tag.entry.d_tag == "DT_RUNPATH"]
    entries = []
    contents = bytearray(file.read_bytes())
    for index, tag in enumerate(tags):
        number, value = ENTRY.unpack_from(contents, start + index * ENTRY.size)
        if tag.entry.d_tag == "DT_NEEDED" and tag.needed == "libc.so":
            value = name
        if tag.entry.d_tag != "DT_RUNPATH":
            entries.append((number, value))
    entries.append((0, 0))
    for index, entry in enumerate(entries):
        ENTRY.pack_into(contents, start + index * ENTRY.size, *entry)
    file.write_bytes(contents)


if __name__ == "__main__":
    main()
