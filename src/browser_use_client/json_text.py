"""JSON that others wrote: what no file, database or XCom could hold of it is replaced, or refused, where it comes in.

JSON may name half of a surrogate pair, which is no text, and NUL, which PostgreSQL keeps in no text. Python writes and
reads `NaN` and `Infinity`, which JSON does not know.
"""

from __future__ import annotations

import json
import re
from math import isfinite
from typing import Any, NoReturn

from pydantic_core import from_json

ODD_CHARACTERS = re.compile("[\0\ud800-\udfff]")
"""What is no text, in decoded text."""

_SUSPICIOUS = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a whole pair
    r"|(u0000|u[dD][89a-fA-F][0-9a-fA-F]{2})"  # NUL, or half of a pair
    r"|.)",
    re.DOTALL,
)


def mended(text: str) -> str:
    """JSON text in which each lone surrogate and each NUL is U+FFFD, the replacement character."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    if not _SUSPICIOUS.search(text):
        return text
    return _ESCAPE.sub(lambda escape: r"\ufffd" if escape[1] else escape[0], text)


def read_answer(content: bytes) -> Any:
    """The decoded JSON of an answer; a number that JSON does not know is None.

    Raises:
        ValueError: It is not valid JSON.
    """
    text = mended(content.decode(errors="replace"))
    try:
        return from_json(text, allow_inf_nan=False)
    except ValueError:
        if "NaN" not in text and "Infinity" not in text:
            raise
        return _loads(text, parse_constant=lambda _: None)


def read_output(text: str) -> Any:
    """The decoded JSON of an output, `mended` before, of numbers that JSON knows.

    Raises:
        ValueError: It is not valid JSON; names the number that is none.
    """
    return _loads(text, parse_constant=_refuse_number, parse_float=_finite)


def _loads(text: str, **options: Any) -> Any:
    try:
        return json.loads(text, **options)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _refuse_number(name: str) -> NoReturn:
    raise ValueError(f"it has the number {name}, which JSON does not know")


def _finite(digits: str) -> float:
    number = float(digits)
    return number if isfinite(number) else _refuse_number(digits[:40])
