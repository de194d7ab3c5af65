"""The language in which the forms of steps are written, and what an operand may look like.

A form is a line such as `(click|press) [on] [the] <name> [link|button]`: words are themselves, `(a|b)` is a choice,
`[a|b]` may be left out, `<name>` is an operand, and `<user:value>` one that is called `user` and looks like a value.
The same forms are the grammar in `docs/local-server.md`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from browser_use_local.script.words import END, QUOTED, SECRET, URL, Pieces

# Words that join or qualify steps. An operand with one of them is most likely two steps, or a wish that only an agent
# can fulfil: such operands must be quoted. An `all` at the end joins nothing: "Accept all".
_JOINING = r"(?!(?:and|or|then|if|unless|until|when|while|but|not|every|all|each)\b)"
_SIGNS = rf"[^\s,;:{QUOTED}{URL}{SECRET}{END}]+"
_WORD = rf"{_JOINING}{_SIGNS}(?::{_SIGNS})*"
_WORDS = rf"{_WORD}(?:(?:\s+{_WORD}){{0,4}}?|(?:\s+{_WORD}){{0,3}}?\s+all)"
_QUOTE = rf"{QUOTED}\d+{END}"
_NAME = rf"(?:{_QUOTE}|{URL}\d+{END}|{_WORDS})"
OPERANDS = {
    "name": _NAME,
    "value": rf"(?:{SECRET}\d+{END}|{_NAME})",
    "text": rf"(?:{SECRET}\d+{END}|{_QUOTE})",
    "names": rf"{_NAME}(?:(?:\s*,\s*(?:and\s+)?|\s+and\s+)(?:(?:the|its|their)\s+)?{_NAME})*",
    "url": rf"{URL}\d+{END}",
    "key": "(?:enter|escape|tab)",
    "number": r"\d+(?:\.\d+)?",
}
_TOKEN = re.compile(
    r"\[(?P<optional>[^\]]+)\]|\((?P<choice>[^)]+)\)|<(?P<operand>\w+)(?::(?P<kind>\w+))?>|(?P<word>\S+)"
)


@dataclass(frozen=True)
class Form:
    """One way to say a step."""

    text: str
    opening: re.Pattern[str]
    pattern: re.Pattern[str]

    @classmethod
    def of(cls, text: str) -> Form:
        """Reads a form."""
        opening, *rest = (_token_pattern(token) for token in _TOKEN.finditer(text))
        shown = re.sub(r"<(\w+):\w+>", r"<\1>", text)
        whole = opening + "".join(rest)
        return cls(shown, re.compile(opening + r"\b", re.IGNORECASE), re.compile(whole, re.IGNORECASE))

    def begins(self, clause: str) -> bool:
        """Whether a clause starts with the verb of this form."""
        return bool(self.opening.match(" " + clause))

    def match(self, clause: str) -> dict[str, str] | None:
        """The operands of a clause that has this form."""
        match = self.pattern.fullmatch(" " + clause)
        return match.groupdict() if match else None


@dataclass(frozen=True)
class Value:
    """A value to type: the text itself, or the name of a secret."""

    text: str
    is_secret: bool = False


def operand(text: str, pieces: Pieces, secrets: frozenset[str]) -> Value:
    """What an operand stands for. A bare word that is the name of a secret means the secret."""
    piece = pieces.piece(text)
    is_secret = text.startswith(SECRET) or (not text.startswith(QUOTED) and piece in secrets)
    return Value(piece, is_secret)


def operands(text: str) -> list[str]:
    """The single operands of a list of names."""
    separator = r"\s*,\s*(?:and\s+)?(?:(?:the|its|their)\s+)?|\s+and\s+(?:(?:the|its|their)\s+)?"
    return re.split(separator, text, flags=re.IGNORECASE)


def _token_pattern(token: re.Match[str]) -> str:
    if token["optional"]:
        return rf"(?:\s+(?:{_words(token['optional'])}))?"
    if token["choice"]:
        return rf"\s+(?:{_words(token['choice'])})"
    if token["operand"]:
        return rf"\s+(?P<{token['operand']}>{OPERANDS[token['kind'] or token['operand']]})"
    return rf"\s+{re.escape(token['word'])}"


def _words(choice: str) -> str:
    return "|".join(r"\s+".join(re.escape(word) for word in option.split()) for option in choice.split("|"))
