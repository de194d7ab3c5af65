"""Finding the element that a step names: exactly one, or a refusal that says what is there instead."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, cast

from playwright.async_api import Frame, Locator

from browser_use_local.script.context import StepContext, StepFailedError

Role = Literal[
    "button", "checkbox", "combobox", "link", "listbox", "menuitem", "menuitemcheckbox", "menuitemradio", "radio",
    "searchbox", "spinbutton", "switch", "tab", "textbox", "treeitem",
]  # fmt: skip
# What a frame has of a name, or of a part of it: Playwright compares without case, and escapes whatever is in it.
Search = Callable[[Frame, str], Locator]

CLICKABLE: tuple[Role, ...] = (
    "link", "button", "tab", "menuitem", "menuitemcheckbox", "menuitemradio", "treeitem", "switch",
)  # fmt: skip
MAX_LABEL_CHARACTERS = 40
MAX_LIST_CHARACTERS = 600


@dataclass(frozen=True)
class Kind:
    """A kind of form field: what it is called, its elements, and the roles that others play it with."""

    name: str
    elements: str
    roles: tuple[Role, ...] = ()


TEXT_FIELD = Kind(
    "field",
    "input:not([type=checkbox], [type=radio], [type=file], [type=submit], [type=button], [type=reset], [type=image]),"
    " textarea, select, [contenteditable=true]",
    ("textbox", "searchbox", "combobox", "spinbutton"),
)
LIST = Kind("list", "select", ("combobox", "listbox"))
CHECKBOX = Kind("checkbox", "input[type=checkbox], input[type=radio]", ("checkbox", "radio", "switch"))
FILE_FIELD = Kind("file field", "input[type=file]")

# Under which names people know each element, and where it leads.
_ACCESSIBLE_NAMES = """elements => elements.map(element => {
    const own = (label) => [...label.childNodes].filter((node) => !node.contains(element) || node.nodeType === 3)
        .map((node) => node.textContent).join(' ');
    const labelled = (element.getAttribute('aria-labelledby') || '').split(/\\s+/)
        .map((id) => element.getRootNode().getElementById?.(id)?.textContent ?? '').join(' ');
    const images = [...element.querySelectorAll('img[alt]')].map((image) => image.alt);
    const written = element.matches('button, input[type=submit], input[type=button], input[type=reset]')
        ? [element.value ?? ''] : [];
    const names = [element.getAttribute('aria-label'), labelled, ...[...(element.labels ?? [])].map(own),
        element.matches('input, select, textarea') ? '' : element.innerText, ...written, element.placeholder,
        element.title, ...images];
    return {names: names.filter((name) => name && name.trim()), target: element.href ? String(element.href) : null};
})"""


@dataclass(frozen=True)
class _Candidate:
    locator: Locator
    names: list[str]
    target: str | None


async def clickable(context: StepContext, name: str) -> Locator:
    """The link, button, tab or menu item of this name, also what opens details (`<summary>`)."""

    def search(frame: Frame, part: str) -> Locator:
        return _any_of(
            frame.locator("summary").filter(has_text=part),
            *(frame.get_by_role(role, name=part, include_hidden=True) for role in CLICKABLE),
        )

    return await the_one(
        context, f'link or button named "{name}"', name, search, "a, button, [role=button], [type=submit]"
    )


async def field(context: StepContext, name: str, kind: Kind = TEXT_FIELD) -> Locator:
    """The form field with this label or placeholder."""

    def search(frame: Frame, part: str) -> Locator:
        labelled = frame.get_by_label(part).or_(frame.get_by_placeholder(part)).and_(frame.locator(kind.elements))
        return _any_of(labelled, *(frame.get_by_role(role, name=part, include_hidden=True) for role in kind.roles))

    # Pages hide the file field behind a button of their own, and it takes files all the same.
    may_hide = kind is FILE_FIELD
    return await the_one(context, f'{kind.name} labelled "{name}"', name, search, "label", may_hide=may_hide)


async def the_one(
    context: StepContext, what: str, name: str, search: Search, others: str, *, may_hide: bool = False
) -> Locator:
    """The element with the whole name, else the one with the name as whole words in its own.

    Args:
        context: The page.
        what: What it is called in messages.
        name: The name that the task gives it.
        search: Finds what has the name, or a part of it.
        others: A selector of what is there instead, for the message.
        may_hide: Whether one that cannot be seen will do.

    Raises:
        StepFailedError: None is there, or several, or it is hidden or disabled.
    """
    hidden: list[_Candidate] = []

    async def look() -> list[_Candidate]:
        candidates = [one for frame in await context.frames() for one in await _candidates(search(frame, name))]
        hidden[:] = []
        for is_meant in (_is_whole, _is_part):
            meant = [one for one in candidates if is_meant(one.names, name)]
            seen = [one for one in meant if may_hide or await one.locator.is_visible()]
            if seen:
                return seen
            hidden.extend(meant)
        return []

    found = cast("list[_Candidate]", await context.until(look))
    where = f'the page "{await context.page.title()}" ({context.page.url})'
    # Menus are often on a page twice: links to one URL are one link.
    if len({one.target or id(one) for one in found}) == 1:
        element = found[0].locator
        if not await context.until(element.is_enabled):
            raise StepFailedError(f"The {what} on {where} is disabled.")
        return element
    if found:
        raise StepFailedError(f"There are {len(found)} of a {what} on {where}: name one that is there once.")
    if hidden:
        raise StepFailedError(f"The {what} on {where} is hidden: a step before it may have to show it.")
    raise StepFailedError(f"There is no {what} on {where}. What is there: {await _listed(context, others)}.")


async def _candidates(found: Locator) -> list[_Candidate]:
    described = await found.evaluate_all(_ACCESSIBLE_NAMES)
    return [_Candidate(found.nth(index), **one) for index, one in enumerate(described)]


def _is_whole(names: list[str], wanted: str) -> bool:
    return any(re.sub(r"\s*[*:]$", "", _plain(name)) == _plain(wanted) for name in names)


def _is_part(names: list[str], wanted: str) -> bool:
    """Whether one of the names has the wanted one as whole words. Without any, it was found by a name unknown here."""
    words = re.compile(rf"(?<!\w){re.escape(_plain(wanted))}(?!\w)")
    return not names or any(words.search(_plain(name)) for name in names)


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()


def _any_of(first: Locator, *others: Locator) -> Locator:
    for other in others:
        first = first.or_(other)
    return first


async def _listed(context: StepContext, selector: str) -> str:
    """The names of what is on the page, for a message: secrets are masked before anything is cut."""
    names = [name for frame in await context.frames() for name in await frame.locator(selector).evaluate_all(_LABELS)]
    labels = [f'"{context.shown(name)[:MAX_LABEL_CHARACTERS]}"' for name in dict.fromkeys(names)]
    return ", ".join(labels)[:MAX_LIST_CHARACTERS] or "none"


_LABELS = """elements => elements.map(element =>
    (element.getAttribute('aria-label') || element.innerText || element.value || '').trim()).filter(Boolean)"""
