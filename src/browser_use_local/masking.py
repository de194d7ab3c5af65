"""Keeps secrets out of everything that is written down."""

from __future__ import annotations

import html
import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar, cast

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
    named = [(name, secret) for name, secret in secrets.items() if secret]
    return cast("T", _masked(value, named)) if named else value


def _masked(value: object, secrets: list[tuple[str, str]]) -> object:
    if isinstance(value, dict):
        return {key: _masked(item, secrets) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked(item, secrets) for item in value]
    return _masked_text(value, secrets) if isinstance(value, str) else value


@dataclass(frozen=True)
class _Span:
    """Where a secret stands in a text, and what stands there instead."""

    start: int
    end: int
    placeholder: str


def _masked_text(text: str, secrets: list[tuple[str, str]]) -> str:
    # A name may be a secret as well: with what is masked already left alone, masking twice is masking once.
    done = [
        _Span(*found.span(), placeholder)
        for placeholder in ({f"{{{{{name}}}}}" for name, _ in secrets} if "{{" in text else ())
        for found in re.finditer(re.escape(placeholder), text)
    ]
    starts = sorted(span.start for span in done)
    ends = sorted(span.end for span in done)

    def is_done(span: _Span) -> bool:
        before = bisect_right(starts, span.start)
        return before > 0 and span.end <= ends[before - 1]

    spans = sorted((one for one in _found(text, secrets) if not is_done(one)), key=lambda one: (one.start, -one.end))
    parts: list[str] = []
    at = 0
    for span in spans:
        if span.start >= at:
            parts += [text[at : span.start], span.placeholder]
        at = max(at, span.end)
    return "".join([*parts, text[at:]])


def _found(text: str, secrets: list[tuple[str, str]]) -> Iterator[_Span]:
    """Each place of each secret, in the text as it stands and as URLs, JSON and HTML decode it."""
    for view in _views(text):
        for name, secret in secrets:
            start = view.text.find(secret)
            while start >= 0:
                span = _Span(view.place(start), view.place(start + len(secret)), f"{{{{{name}}}}}")
                if len(secret) > SHORT_CHARACTERS or _is_whole(text, span):
                    yield span
                start = view.text.find(secret, start + len(secret))


def _is_whole(text: str, span: _Span) -> bool:
    before, after = text[: span.start][-1:], text[span.end :][:1]
    return (not before or before in "='\"") and (not after or after in "&#'\"")


@dataclass(frozen=True)
class _View:
    """A decoded text: from each of `starts` on, its places are those of the original text moved by `moves`."""

    text: str
    starts: list[int]
    moves: list[int]

    def place(self, index: int) -> int:
        """The place in the original text."""
        return index + self.moves[bisect_right(self.starts, index) - 1]


def _views(text: str) -> Iterator[_View]:
    yield _View(text, [0], [0])
    for sign, pattern, decode in _SPELLINGS:
        if sign in text:
            yield _decoded(text, pattern, decode)


def _decoded(text: str, pattern: re.Pattern[str], decode: Callable[[str], list[tuple[str, int]]]) -> _View:
    """The text with what the pattern finds decoded, and where everything came from."""
    parts: list[str] = []
    starts, moves = [0], [0]
    length = at = 0
    for found in pattern.finditer(text):
        parts.append(text[at : found.start()])
        length += found.start() - at
        at = found.start()
        for character, width in decode(found[0]):
            parts.append(character)
            length += len(character)
            at += width
            starts.append(length)
            moves.append(at - length)
    return _View("".join([*parts, text[at:]]), starts, moves)


def _from_percent(run: str) -> list[tuple[str, int]]:
    if run == "+":
        return [(" ", 1)]
    # What is no UTF-8 stays as it is, byte by byte.
    decoded = bytes.fromhex(run.replace("%", "")).decode(errors="surrogateescape")
    return [(character, 3 * len(character.encode(errors="surrogateescape"))) for character in decoded]


def _from_json(escape: str) -> list[tuple[str, int]]:
    return [(json.loads(f'"{escape}"'), len(escape))]


def _from_html(reference: str) -> list[tuple[str, int]]:
    return [(html.unescape(reference), len(reference))]


_PERCENT = r"(?:%[0-9A-Fa-f]{2})+"
_JSON = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\[\"\\/bfnrt]")
# A sign that each has, what is decoded, and how: into characters, each with the width that it had.
_SPELLINGS: tuple[tuple[str, re.Pattern[str], Callable[[str], list[tuple[str, int]]]], ...] = (
    ("%", re.compile(_PERCENT), _from_percent),
    ("+", re.compile(rf"{_PERCENT}|\+"), _from_percent),
    ("\\", _JSON, _from_json),
    ("&", re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|\w{1,30});"), _from_html),
)
