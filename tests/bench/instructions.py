"""Where the instructions of a request go, by the function that executes them.

What the compiler inlined counts to its caller. The library is the released one, its symbols kept.
"""

from __future__ import annotations

import re
import shutil
from collections import Counter

import provide
from counts import FILE, LONG, SHORT
from measure import Server, progress, run_client

FOLDER = provide.OUT / "with-symbols"

#: The first whose pattern is found in a function's name has its instructions.
PARTS = {
    "JSON of the response (serde_json)": r"serde|service::(body|response|session)",
    "HTTP (ureq-proto, http, httparse)": r"ureq|\bhttp::|httparse|httpdate|\bbytes::|transport::",
    "memory (malloc, free)": r"malloc|\bfree\b|_int_free|realloc|unlink_chunk|drop_in_place",
    "copying and comparing bytes (libc)": r"^(__)?mem(cpy|cmp|move|set)",
    "finding bytes, checking UTF-8 (memchr, core)": r"memchr|core::str|from_utf8",
    "planning": r"koodrive_plan|plan::|Client",
    "requests, verdict and report": r"service::|run::|report::|koodrive_result",
    "the benchmark's own program": r"^(delete|fails|main|add|check)",
}


def by_part() -> dict[str, float]:
    """part -> instructions a request; empty without valgrind."""
    if not shutil.which("valgrind"):
        return {}
    progress("finding where the instructions go")
    provide.build_with_symbols(FOLDER)
    first, second = (functions(requests) for requests in (SHORT, LONG))
    parts = Counter(dict.fromkeys(PARTS, 0.0))
    for name, count in second.items():
        parts[part_of(name)] += (count - first[name]) / (LONG - SHORT)
    return dict(parts)


def functions(requests: int) -> Counter[str]:
    """function -> instructions of a whole run."""
    tool = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={FILE}"]
    library = ["env", f"LD_LIBRARY_PATH={FOLDER / 'release'}"]
    client = [str(provide.OUT / "koodrive"), str(provide.IDS)]
    with Server() as port:
        run_client(client, port, [*library, *tool], requests=requests)
    text = provide.output(
        "callgrind_annotate", "--threshold=100", "--show-percs=no", "--auto=no", FILE
    )
    found = Counter()
    for count, name in re.findall(r"^ *([\d,]+) +[^:\n]*:(.*?)(?: \[[^\]\n]*\])?$", text, re.M):
        found[name] += int(count.replace(",", ""))
    return found


def part_of(function: str) -> str:
    for part, pattern in PARTS.items():
        if re.search(pattern, function):
            return part
    return "other"
