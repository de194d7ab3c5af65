"""Steps that fill in forms."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import ClassVar

from playwright.async_api import Error, Frame, Locator

from browser_use_local.script.context import StepContext, StepFailedError
from browser_use_local.script.elements import CHECKBOX, LIST, field, the_one
from browser_use_local.script.grammar import Form, Value
from browser_use_local.script.typing_in import type_in


@dataclass(frozen=True)
class Type:
    """Types text into a field."""

    name: str
    value: Value
    forms: ClassVar[tuple[Form, ...]] = (
        Form.of("(type|enter|write) <value> (in|into) [the] <name> [field|box]"),
        Form.of("fill [in] [the] <name> [field|box] with <value>"),
    )

    async def perform(self, context: StepContext) -> str:
        """Types; fails where the field does not hold afterwards what was typed."""
        await type_in(context, await field(context, self.name), self.value, self.name)
        return f'Filled in "{self.name}".'


@dataclass(frozen=True)
class Select:
    """Chooses an option of a list."""

    name: str
    option: str
    forms: ClassVar[tuple[Form, ...]] = (
        Form.of("(select|choose|pick) <option:name> (in|from|as|for) [the] <name> [list|menu|filter|field]"),
        Form.of("set [the] <name> [list|menu|filter|field] to <option:name>"),
    )

    async def perform(self, context: StepContext) -> str:
        """Selects."""
        element = await field(context, self.name, LIST)
        if await element.evaluate("element => element.tagName") != "SELECT":
            return await self._click(context, element)
        options = [option.strip() for option in await element.locator("option").all_inner_texts()]
        meant = [number for number, option in enumerate(options) if option.casefold() == self.option.casefold()]
        if len(meant) != 1:
            there = ", ".join(f'"{option}"' for option in options)
            number = f"{len(meant)} options" if meant else "no option"
            raise StepFailedError(f'The list "{self.name}" has {number} "{self.option}". It has: {there}.')
        if await element.locator("option").nth(meant[0]).is_disabled():
            raise StepFailedError(f'The option "{self.option}" of the list "{self.name}" is disabled.')
        chosen = await element.element_handle()
        await context.act(lambda: element.select_option(index=meant[0]))
        with contextlib.suppress(Error):  # the choice has led to another page
            held = await chosen.evaluate("list => list.isConnected ? list.selectedIndex : null")
            if held not in {meant[0], None}:
                shown = options[held] if held >= 0 else ""
                raise StepFailedError(f'The list "{self.name}" did not take "{self.option}": it shows "{shown}".')
        return f'"{self.name}" is now "{options[meant[0]]}".'

    async def _click(self, context: StepContext, element: Locator) -> str:
        """A list that a page has built itself: it opens when it is clicked, unless it is open already."""

        def search(frame: Frame, part: str) -> Locator:
            return frame.get_by_role("option", name=part)

        if await element.get_attribute("role") != "listbox":
            await context.act(element.click)
        what = f'option named "{self.option}"'
        option = await the_one(context, what, self.option, search, "[role=option]")
        await context.act(option.click)
        return f'"{self.option}" is chosen in "{self.name}".'


@dataclass(frozen=True)
class Tick:
    """Ticks a box, throws a switch, or chooses one of several buttons."""

    name: str
    forms: ClassVar[tuple[Form, ...]] = (Form.of("(tick|check) [the] <name> [box|checkbox|option]"),)
    state: ClassVar[bool] = True

    async def perform(self, context: StepContext) -> str:
        """Ticks."""
        element = await field(context, self.name, CHECKBOX)
        await context.act(lambda: element.set_checked(self.state))
        return f'"{self.name}" is {"ticked" if self.state else "not ticked"}.'


@dataclass(frozen=True)
class Untick(Tick):
    """Clears a box."""

    forms: ClassVar[tuple[Form, ...]] = (Form.of("(untick|uncheck) [the] <name> [box|checkbox]"),)
    state: ClassVar[bool] = False
