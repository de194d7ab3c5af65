"""Keeps secrets out of everything that is written down."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TypeVar, cast
from urllib.parse import quote

T = TypeVar("T")

# A secret of so few characters stands in too many words and numbers by chance: it is one only as a whole value.
SHORT_CHARACTERS = 3


def mask(value: T, secrets: Mapping[str, str]) -> T:
    """Replaces each secret by its placeholder, `{{name}}`, in a text, or in all texts of a tree of lists and dicts.

    Trees are masked before they are written as JSON, never after: numbers and the names of fields stay as they are.

    Args:
        value: A text; a list or a dict, however deep. Anything else comes back as it is.
        secrets: The secrets, by name. Those of one to three characters are replaced as whole values only: where they
            are the whole text, or stand in it between quotes or as a parameter of a URL.

    Returns:
        The value without secrets, also where they were spelled as in a URL, in JSON or in HTML.
    """
    patterns = _patterns(tuple(sorted((name, secret) for name, secret in secrets.items() if secret)))
    return cast("T", _masked(value, *patterns)) if patterns else value


def _masked(value: object, anywhere: re.Pattern[str], names: list[str]) -> object:
    if isinstance(value, dict):
        return {key: _masked(item, anywhere, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked(item, anywhere, names) for item in value]
    if not isinstance(value, str):
        return value

    def placeholder(match: re.Match[str]) -> str:
        # The first group is a placeholder that is there already: with it, masking twice is masking once.
        return match[1] or "{{" + names[(match.lastindex or 2) - 2] + "}}"

    return anywhere.sub(placeholder, value)


@lru_cache(maxsize=64)
def _patterns(secrets: tuple[tuple[str, str], ...]) -> tuple[re.Pattern[str], list[str]] | None:
    """What to look for, the longest secret first, and the name of each group of it."""
    if not secrets:
        return None
    longest_first = sorted(secrets, key=lambda secret: len(secret[1]), reverse=True)
    placeholders = "|".join(re.escape("{{" + name + "}}") for name, _ in secrets)
    parts = [f"({placeholders})", *(_occurrence(secret) for _, secret in longest_first)]
    return re.compile("|".join(parts)), [name for name, _ in longest_first]


def _occurrence(secret: str) -> str:
    spelled = "".join(f"(?:{'|'.join(map(re.escape, _spellings(character)))})" for character in secret)
    if len(secret) > SHORT_CHARACTERS:
        return f"({spelled})"
    return rf"(?:\A|(?<=[='\"]))({spelled})(?=\Z|[&#'\"])"


def _spellings(character: str) -> list[str]:
    """A character as it stands in a text, a URL, JSON and HTML."""
    percent = quote(character, safe="") if quote(character, safe="") != character else f"%{ord(character):02X}"
    escaped = json.dumps(character)[1:-1]
    found = [percent, percent.lower(), escaped, escaped.upper().replace("\\U", "\\u"), html.escape(character)]
    found += [json.dumps(character, ensure_ascii=False)[1:-1], character, *("+" if character == " " else "")]
    return sorted(set(found), key=len, reverse=True)
