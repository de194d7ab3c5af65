"""Compares names, and turns what a page says into numbers, dates and booleans."""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import lru_cache
from typing import Any

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_FILLERS = {"the", "a", "an", "of", "no"}
_NUMBER = re.compile(r"^[^\d-]*(-?\d[\d.,' ]*)[^\d]*$")
_DATES = ("%Y-%m-%d", "%d.%m.%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y")
# In characters, with what stands around it: no text of a page is a number and longer.
MAX_NUMBER_CHARACTERS = 200
_TRUE = {"true", "yes", "y", "on", "1", "✓", "✔"}
_FALSE = {"false", "no", "n", "off", "0", "✗", "✘", "-"}


@lru_cache(maxsize=10_000)
def words(name: str) -> list[str]:
    """The words of a name, however it is spelled: `orderNumbers`, `order_numbers` and `Order numbers:` are one."""
    spaced = re.sub(r"[^\w]|_", " ", _CAMEL.sub(" ", name)).casefold().split()
    kept = [word for word in spaced if word not in _FILLERS] or spaced
    return [word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word for word in kept]


def same_name(there: str, wanted: str, *, part: bool = False) -> bool:
    """Whether two names are the same; with `part`, whether all wanted words are among those that are there."""
    if part:
        return bool(words(wanted)) and set(words(wanted)) <= set(words(there))
    return words(there) == words(wanted)


def number(text: str) -> float | None:
    """The one number in a text: 310.25 for `310.25 EUR`, 1310.25 for `€ 1.310,25`. None for none, and for several."""
    plain = text[: MAX_NUMBER_CHARACTERS + 1].replace("\N{NO-BREAK SPACE}", " ").replace("\N{MINUS SIGN}", "-")
    match = _NUMBER.match(plain)
    if not match or len(text) > MAX_NUMBER_CHARACTERS:
        return None
    digits = re.sub(r"[' ]", "", match[1])
    comma, point = digits.rfind(","), digits.rfind(".")
    if comma > point and (point >= 0 or digits.count(",") > 1 or len(digits) - comma - 1 != 3):
        digits = digits.replace(".", "").replace(",", "." if digits.count(",") == 1 else "")
    else:
        digits = digits.replace(",", "")
    try:
        return float(digits)
    except ValueError:
        return None


def day(text: str) -> date | None:
    """The day that a text names, in one of the usual spellings."""
    for spelling in _DATES:
        try:
            return datetime.strptime(text.strip(), spelling).date()
        except ValueError:
            continue
    return None


def comparable(text: str) -> float | None:
    """What a number or a day is worth in an order from low to high."""
    found = day(text)
    return number(text) if found is None else float(found.toordinal())


def coerce(text: str, schema: dict[str, Any]) -> Any:
    """The text as a value of the schema's type; the text itself where it cannot be, so that validation says so."""
    kind = schema.get("type")
    choices = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
    for choice in choices:
        if str(choice).casefold() == text.casefold():
            return choice
    if kind in {"number", "integer"}:
        value = number(text)
        if value is None:
            return text
        return int(value) if value.is_integer() and (kind == "integer" or "." not in text) else value
    if kind == "boolean":
        folded = text.casefold()
        return True if folded in _TRUE else False if folded in _FALSE else text
    if schema.get("format") == "date" and (found := day(text)):
        return found.isoformat()
    return text
