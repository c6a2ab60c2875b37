"""Files of ids as people have them: from editors, from Windows, with comments."""

from __future__ import annotations

import re

from koodrive._errors import InvalidArgument

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")

#: What a spreadsheet file begins with.
_ZIP = b"PK\x03\x04"

#: What begins no id: a line end, blanks, a comment.
_NO_ID = re.compile(rb"[ ]*(#.*)?")

#: What is no bare id. The library would take most of it for an id, which then does not exist: the
#: run would say that all is gone.
_NOT_BARE = re.compile(r"[\"',;\t]")

_HINT = "give one bare id a line: no quotes, no other columns, no header"

#: How the library names an id of an addition.
POSITION = re.compile(r"scope_ids\[(\d+)\]")


def without_mark(content: bytes) -> bytes:
    """A file's content without its byte order mark."""
    if content.startswith(_UTF_16):
        raise InvalidArgument("the file is in UTF-16: save it as UTF-8, or as plain text")
    return content.removeprefix(_BYTE_ORDER_MARK)


def decoded(content: bytes) -> str:
    """A table's text."""
    if content.startswith(_ZIP):
        raise InvalidArgument("the file is a spreadsheet's own: save it as CSV, in UTF-8")
    try:
        return without_mark(content).decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidArgument(f"line {line}: is not UTF-8: save it as CSV UTF-8") from None


class IdFile:
    """The ids of a file, one a line.

    A byte order mark, line ends of Windows, trailing blanks, blank lines and lines that begin with
    "#" are passed over. Raises InvalidArgument, with the line's number, for what is plainly not an
    id alone: a quote, a comma, a semicolon, a tab, or no digit.
    """

    def __init__(self, content: bytes) -> None:
        content = without_mark(content)
        ids: list[bytes] = []
        #: The line of each id.
        self._numbers: list[int] = []
        for number, line in enumerate(content.split(b"\n"), start=1):
            bare = line.rstrip(b" \t\r")
            if _NO_ID.fullmatch(bare):
                continue
            _check(bare, number)
            ids.append(bare)
            self._numbers.append(number)
        self.lines = b"\n".join(ids)

    def located(self, message: str) -> str:
        """A message of the library, with the lines of the positions that it names."""

        def line(match: re.Match[str]) -> str:
            position = int(match[1])
            known = position < len(self._numbers)
            return f"line {self._numbers[position]}: {match[0]}" if known else match[0]

        return POSITION.sub(line, message)


def why_not_bare(text: str) -> str | None:
    """What shows that a text is no id alone, if anything."""
    found = _NOT_BARE.search(text)
    if found:
        return f"holds {'a tab' if found[0] == chr(9) else found[0]}"
    if text.startswith(("=", "#")):
        return f"begins with {text[0]}"
    if not any("0" <= character <= "9" for character in text):
        return "holds no digit"
    return None


def _check(line: bytes, number: int) -> None:
    refused = why_not_bare(line.decode(errors="replace"))
    if refused:
        raise InvalidArgument(f"line {number}: {refused}; {_HINT}")
