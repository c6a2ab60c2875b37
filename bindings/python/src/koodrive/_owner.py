"""Whose scopes are meant: which texts are plainly no id of a user or a device."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from koodrive._errors import InvalidArgument
from koodrive._plan import Plan

#: What spreadsheets and databases write where there is no id, or around one.
_NO_OWNER = re.compile(r"[#='\"].*|null|none|nan|true|false", re.IGNORECASE)

HINT = "export the bare ids as text"


def why_no_owner(text: str) -> str | None:
    """What shows that a text is no id of a user or a device, if anything."""
    if not text:
        return "is empty"
    if _NO_OWNER.fullmatch(text):
        return f"{text!r} is no id; {HINT}"
    # These are numbers as well: what is damaged as a scope id is damaged here, too.
    try:
        Plan().add("device", [text])
    except InvalidArgument as error:
        if " is damaged: " in str(error):
            return str(error).partition("] ")[2]
    return None


def refused_owners(rows: Any) -> Iterator[tuple[str, str]]:
    """The columns of a pyarrow table or batch in which somebody is plainly none, and why.

    What is null or empty the library judges.
    """
    for name in ("user_id", "device_id"):
        if name in rows.schema.names:
            owners = map(str, filter(None, rows.column(name).unique().to_pylist()))
            # Nearly all are digits, and these are fine.
            refused = (why_no_owner(owner) for owner in owners if not owner.isdigit())
            yield from ((name, why) for why in refused if why)
