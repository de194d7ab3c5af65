"""Reads a task text into steps, or refuses it before anything starts."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Any, get_type_hints

from browser_use_local.script.context import Step
from browser_use_local.script.grammar import Value, operand, operands
from browser_use_local.script.steps import STEPS
from browser_use_local.script.words import Pieces, divisions

EXPECTED = (
    "Expected is a step such as: open <URL>, sign in as <user> with password <password>, click <name>,"
    " type <text> into <field>, select <option> in <list>, read the <name> table, report <name>, wait for <text>"
)
MORE = (
    "The step language is described in docs/local-server.md. Names of more than five words must be quoted, and names"
    " with a comma, or with a word such as `and`, `or`, `not`, `all`."
)

# A line in which a client of v4 marks the task as its own, and asks whoever reads the task to ignore it.
_REFERENCE = re.compile(r"\n\[bu-[0-9a-f]{20}:[^\n]*\]\s*\Z")
# So many parts can be tried in all their combinations at once.
MAX_PARTS = 60
MAX_QUOTED_CHARACTERS = 60


class NotUnderstoodError(Exception):
    """A task text that is not in the step language. The message says which step, and what was expected."""


@dataclass(frozen=True)
class Written:
    """A step, and how the user wrote it."""

    text: str
    step: Step


def parse(task: str, secrets: Collection[str]) -> list[Written]:
    """Reads a task.

    Args:
        task: The text of the task.
        secrets: The names of the secrets that came with it.

    Raises:
        NotUnderstoodError: A part of the text is no step, or uses a secret that is not there.
    """
    pieces = Pieces.of(_REFERENCE.sub("", task))
    names = frozenset(secrets)

    @cache
    def read(clause: str) -> tuple[Written, ...] | None:
        """The clause as several steps, divided at an `and` or a comma, else as one; None if neither will do."""
        for left, right in divisions(clause):
            if (first := _step(left, pieces, names)) and (rest := read(right)):
                return (first, *rest)
        step = _step(clause, pieces, names)
        return (step,) if step else None

    steps: list[Written] = []
    for clause in pieces.sentences():
        _check_parts(clause, pieces)
        found = read(clause)
        if found is None:
            raise NotUnderstoodError(_not_understood(len(steps) + 1, clause, pieces))
        steps.extend(found)
    if not steps:
        raise NotUnderstoodError(f"The task has no steps. {EXPECTED}. {MORE}")
    for number, written in enumerate(steps, start=1):
        for value in vars(written.step).values():
            if isinstance(value, Value) and value.is_secret and value.text not in secrets:
                there = ", ".join(sorted(secrets)) or "none"
                raise NotUnderstoodError(
                    f"Step {number}, `{written.text}`, needs the secret `{value.text}`, which the request does not"
                    f" have. Its secrets: {there}."
                )
    return steps


def _check_parts(clause: str, pieces: Pieces) -> None:
    if sum(1 for _ in divisions(clause)) >= MAX_PARTS:
        raise NotUnderstoodError(
            f"The sentence that begins with `{pieces.spelled_out(clause[:MAX_QUOTED_CHARACTERS])}` joins more than"
            f" {MAX_PARTS} parts with commas and `and`: divide it into several."
        )


def _step(clause: str, pieces: Pieces, secrets: frozenset[str]) -> Written | None:
    for kind in STEPS:
        for form in kind.forms:
            if (groups := form.match(clause)) is not None:
                text = pieces.spelled_out(clause)
                try:
                    return Written(text, kind(**_fields(kind, groups, pieces, secrets)))
                except ValueError as error:
                    raise NotUnderstoodError(f"The step `{text}` is refused: {error}") from error
    return None


def _fields(kind: type, groups: dict[str, str], pieces: Pieces, secrets: frozenset[str]) -> dict[str, Any]:
    """The operands as the step wants them."""
    fields: dict[str, Any] = {}
    for name, text in groups.items():
        wanted = _types(kind)[name]
        if wanted is Value:
            fields[name] = operand(text, pieces, secrets)
        elif wanted == tuple[str, ...]:
            fields[name] = tuple(pieces.piece(part) for part in operands(text))
        else:
            fields[name] = pieces.piece(text)
    return fields


@cache
def _types(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _not_understood(number: int, clause: str, pieces: Pieces) -> str:
    """Says what was expected: the forms of the verb, if it is one."""
    forms = [form.text for kind in STEPS for form in kind.forms if form.begins(clause)]
    expected = "Expected is one of: " + "; ".join(f"`{form}`" for form in forms) if forms else EXPECTED
    return f"Step {number}, `{pieces.spelled_out(clause)}`, is not understood. {expected}. {MORE}"
