"""Typing into a form field, and reading back what it then holds."""

from __future__ import annotations

import re
from datetime import datetime

from playwright.async_api import Locator

from browser_use_local.browser import MASK_ATTRIBUTE
from browser_use_local.script.coerce import day, number
from browser_use_local.script.context import StepContext, StepFailedError
from browser_use_local.script.grammar import Value

# Pages may rewrite what was typed (a telephone number, an amount) a moment later.
SETTLES_WITHIN_MS = 1_000
_TIMES = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M%p", "%I %p", "%I%p")
_FIGURES = re.compile(r"-?[\d.,' ]+")
_HELD = "element => element.isContentEditable ? element.innerText : element.value"


async def type_in(context: StepContext, element: Locator, value: Value, name: str) -> None:
    """Types a value into a field. A field that holds a secret is marked, so that screenshots leave it out.

    Days, times and numbers may be written as people do; the field gets them as it wants them.

    Args:
        context: The page.
        element: The field.
        value: What to type.
        name: What the field is called in messages.

    Raises:
        StepFailedError: The field takes no such value, or holds another one afterwards, or it is on a page of a host
            that the secret is not for. A secret is not shown.
    """
    # The document of the field, which may be in a frame of another host.
    context.check_host(value, await element.evaluate("element => element.ownerDocument.location.hostname"))
    text = context.reveal(value)
    kind = await element.evaluate("element => element.tagName === 'INPUT' ? element.type : ''")
    wanted = _as_the_field_wants(text, kind)
    said = f"{{{{{value.text}}}}}" if value.is_secret else f'"{text}"'
    if wanted is None:
        raise StepFailedError(f'The field "{name}" takes {_TAKES[kind]}, and {said} is not one.')
    if not await context.until(element.is_editable):
        raise StepFailedError(f'The field "{name}" cannot be typed into: it is read-only.')
    if value.is_secret:
        await element.evaluate(f"element => element.setAttribute('{MASK_ATTRIBUTE}', '')")
    await element.fill(wanted)
    held: list[str] = []

    async def holds_it() -> bool:
        held[:] = [await element.evaluate(_HELD)]
        return _is_same(held[0], wanted)

    if not await context.until(holds_it, SETTLES_WITHIN_MS):
        there = "something else" if value.is_secret else f'"{held[0]}"' if held[0] else "nothing"
        raise StepFailedError(f'The field "{name}" did not take {said}: it holds {there}.')


_TAKES = {
    "date": "a day such as 2026-11-25",
    "time": "a time such as 10:30",
    "datetime-local": "a day and a time such as 2026-11-25 10:30",
    "month": "a month such as 2026-11",
    "week": "a week such as 2026-W48",
    "number": "a number such as 12.5",
    "range": "a number such as 12.5",
    "color": "a colour such as #a0b1c2",
}


def _as_the_field_wants(text: str, kind: str) -> str | None:
    """The text as a field of this type spells it; None where the field does not take it."""
    text = text.strip() if kind in _TAKES else text
    if kind == "date":
        found = day(text)
        return found.isoformat() if found else None
    if kind == "time":
        return _time(text)
    if kind == "datetime-local":
        return _day_and_time(text)
    if kind in {"number", "range"}:
        if re.fullmatch(r"-?\d+(\.\d+)?", text):
            return text
        value = number(text) if _FIGURES.fullmatch(text) else None
        return None if value is None else f"{value:g}" if abs(value) < 1e6 and not value % 1 else repr(value)
    pattern = {"month": r"\d{4}-\d\d", "week": r"\d{4}-W\d\d", "color": r"#[0-9a-fA-F]{6}"}.get(kind)
    return text if pattern is None or re.fullmatch(pattern, text) else None


def _day_and_time(text: str) -> str | None:
    """`2026-11-25T10:30`, with the time after a space, a comma or a T."""
    for gap in re.finditer(r",?\s+|T", text):
        found, at = day(text[: gap.start()]), _time(text[gap.end() :])
        if found and at:
            return f"{found.isoformat()}T{at}"
    return None


def _time(text: str) -> str | None:
    for spelling in _TIMES:
        try:
            found = datetime.strptime(text.strip().upper(), spelling).time()
        except ValueError:
            continue
        return found.isoformat("seconds" if found.second else "minutes")
    return None


def _is_same(held: str, wanted: str) -> bool:
    """Whether a field holds what was typed, maybe in a spelling of its own: `(030) 123` for `030123`."""
    if held.strip() == wanted.strip():
        return True
    letters = [re.sub(r"[\W_]", "", text).casefold() for text in (held, wanted)]
    if letters[0] == letters[1] != "":
        return True
    return bool(_FIGURES.fullmatch(wanted)) and number(held) == number(wanted) is not None
