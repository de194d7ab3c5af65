"""Takes a task text apart: what is quoted, URLs and secrets become one sign each, the rest becomes clauses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# Each protected piece is one sign of its kind, a number, and an end sign: no rule of the grammar looks inside.
QUOTED, URL, SECRET, END = "\ue001", "\ue002", "\ue003", "\ue004"
# What is bounded here ({0,30}) is so that a text of 50,000 letters is read in one go, not once from each letter.
_PIECES = re.compile(
    r"""
      "(?P<double>[^"\n]+)" | “(?P<curly>[^“”\n]+)” | (?<!\w)'(?P<single>[^'\n]+)'(?!\w)
    | \{\{(?P<braces>[^{}]+)\}\} | <secret>(?P<tag>[^<>]+)</secret>
    | (?P<url>[A-Za-z][A-Za-z0-9+.-]{0,30}://[^\s"<>]*[^\s"<>.,;:!?)\]']
        | (?:file|data|javascript|about|blob|view-source):[^\s"<>]*
        | \b(?:[A-Za-z0-9-]{1,63}\.){1,20}[A-Za-z]{2,63}(?:/[^\s"<>]*[^\s"<>.,;:!?)\]'])?)
    """,
    re.VERBOSE,
)
_KINDS = {
    "double": QUOTED, "curly": QUOTED, "single": QUOTED,
    "braces": SECRET, "tag": SECRET, "url": URL,
}  # fmt: skip
_SIGN = re.compile(f"([{QUOTED}{URL}{SECRET}])(\\d+){END}")
_BULLET = re.compile(r"^\s*(?:\d{1,2}[.)]|[-*\u2022])\s+")
_SENTENCE_END = re.compile(r"[.!](?:\s+|$)|;\s*|\n+")
_THEN = re.compile(r"\s*,?\s+(?:and\s+)?then\s+|\s*,\s*then\s+", re.IGNORECASE)
_AND = re.compile(r"\s*,\s+and\s+|\s+and\s+|\s*,\s+", re.IGNORECASE)
_POLITE = re.compile(r"^(?:(?:please|now|first|next|finally|then|afterwards|after that|and)\b\s*,?\s*)+", re.IGNORECASE)


@dataclass(frozen=True)
class Pieces:
    """A text whose protected pieces are signs, and the pieces."""

    text: str
    pieces: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Pieces:
        """Protects what is quoted, URLs and secrets."""
        pieces: list[str] = []

        def sign(match: re.Match[str]) -> str:
            group = match.lastgroup or ""
            pieces.append(match[group].strip() if group == "braces" else match[group])
            return f"{_KINDS[group]}{len(pieces) - 1}{END}"

        signs = _PIECES.sub(sign, re.sub("[\ue000-\uf8ff]", " ", text))
        # One blank says as much as a thousand, which some rules would divide between them in every way there is.
        return cls("\n".join(" ".join(line.split()) for line in signs.splitlines()), tuple(pieces))

    def piece(self, sign: str) -> str:
        """The piece that a sign stands for."""
        match = _SIGN.fullmatch(sign)
        return self.pieces[int(match[2])] if match else sign

    def spelled_out(self, text: str) -> str:
        """A part of the text as the user wrote it."""
        return _SIGN.sub(lambda match: _spell(match[1], self.pieces[int(match[2])]), text)

    def sentences(self) -> Iterator[str]:
        """The clauses that certainly stand for themselves: sentences, lines, and what `then` divides."""
        for line in self.text.splitlines():
            for sentence in _SENTENCE_END.split(_BULLET.sub("", line)):
                for clause in _THEN.split(sentence):
                    if clause := _POLITE.sub("", clause.strip()).strip(" ,"):
                        yield clause


def divisions(clause: str) -> Iterator[tuple[str, str]]:
    """Where a clause may be two: at each `and` and each comma, from the left."""
    for match in _AND.finditer(clause):
        yield clause[: match.start()].strip(), _POLITE.sub("", clause[match.end() :].strip())


def _spell(kind: str, piece: str) -> str:
    return {QUOTED: f'"{piece}"', SECRET: "{{" + piece + "}}"}.get(kind, piece)
