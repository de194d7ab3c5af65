"""Finding the element that a step names: exactly one, or a refusal that says what is there instead."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal, cast

from playwright.async_api import Locator

from browser_use_local.script.stage import Stage, StepFailedError

Search = Callable[[re.Pattern[str]], Locator]

CLICKABLE: tuple[Literal["link", "button", "tab", "menuitem"], ...] = ("link", "button", "tab", "menuitem")
_LABELS = """elements => elements.map(element =>
    (element.getAttribute('aria-label') || element.innerText || element.value || '').trim()).filter(Boolean)"""


async def clickable(stage: Stage, name: str) -> Locator:
    """The link, button, tab or menu item of this name."""

    def search(pattern: re.Pattern[str]) -> Locator:
        found = stage.page.get_by_role(CLICKABLE[0], name=pattern)
        for role in CLICKABLE[1:]:
            found = found.or_(stage.page.get_by_role(role, name=pattern))
        return found

    return await _the_one(
        stage, f'link or button named "{name}"', name, search, "a, button, [role=button], [type=submit]"
    )


async def field(stage: Stage, name: str, kind: str = "field") -> Locator:
    """The form control with this label or placeholder."""
    selector = {
        "list": "select",
        "checkbox": "input[type=checkbox], input[type=radio]",
        "file field": "input[type=file]",
    }
    only = stage.page.locator(selector.get(kind, "input, textarea, select, [contenteditable=true]"))

    def search(pattern: re.Pattern[str]) -> Locator:
        return stage.page.get_by_label(pattern).or_(stage.page.get_by_placeholder(pattern)).and_(only)

    return await _the_one(stage, f'{kind} labelled "{name}"', name, search, "label")


async def _the_one(stage: Stage, what: str, name: str, search: Search, others: str) -> Locator:
    """The visible element with the whole name; else the one with the name as whole words in its own."""
    escaped = re.sub(r"(\\ )+", r"\\s+", re.escape(name.strip()))
    patterns = [
        re.compile(rf"^\s*{escaped}\s*[*:]?\s*$", re.IGNORECASE),
        re.compile(rf"(?<!\w){escaped}(?!\w)", re.IGNORECASE),
    ]

    async def look() -> list[Locator]:
        for pattern in patterns:
            found = [element for element in await search(pattern).all() if await element.is_visible()]
            if found:
                return found
        return []

    found = cast("list[Locator]", await stage.until(look))
    # Menus are often on a page twice: links to one address are one link.
    targets = {await element.get_attribute("href") or id(element) for element in found}
    if len(targets) == 1:
        return found[0]
    where = f'the page "{await stage.page.title()}" ({stage.page.url})'
    if found:
        raise StepFailedError(f"There are {len(found)} of a {what} on {where}: name one that is there once.")
    names = await stage.page.locator(others).evaluate_all(_LABELS)
    there = ", ".join(f'"{label[:40]}"' for label in dict.fromkeys(names)) or "none"
    raise StepFailedError(f"There is no {what} on {where}. What is there: {there[:600]}.")
