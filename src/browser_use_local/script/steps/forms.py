"""Steps that fill in forms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from playwright.async_api import Locator

from browser_use_local.chromium import MARK
from browser_use_local.script.elements import field
from browser_use_local.script.grammar import Form, Value
from browser_use_local.script.stage import Stage, StepFailedError

SIGN_IN_TAKES_UP_TO = 10_000
_USER_FIELD = "xpath=preceding::input[not(@type) or @type='text' or @type='email' or @type='tel'][1]"
_COMPLAINT = "[role=alert], .error, .alert"


async def fill(stage: Stage, element: Locator, value: Value) -> None:
    """Types a value into a field. A field that holds a secret is marked, so that screenshots leave it out."""
    if value.is_secret:
        await element.evaluate(f"element => element.setAttribute('{MARK}', '')")
    await element.fill(stage.reveal(value))


@dataclass(frozen=True)
class SignIn:
    """Fills in the sign-in form of the page and sends it."""

    user: Value
    password: Value
    forms: ClassVar[tuple[Form, ...]] = (
        Form.of("(sign in|log in|login) as <user:value> with [the] password <password:value>"),
        Form.of(
            "(sign in|log in|login) with [user|user name|username] <user:value> and [the] password <password:value>"
        ),
    )

    async def perform(self, stage: Stage) -> str:
        """Signs in; fails where the page still asks for a password afterwards."""
        passwords = stage.page.locator("input[type=password]:visible")
        await stage.until(passwords.count)
        if await passwords.count() != 1:
            raise StepFailedError(f"The page {stage.page.url} has no sign-in form with one password field.")
        user = passwords.locator(_USER_FIELD)
        if not await user.count():
            raise StepFailedError(f"The sign-in form of {stage.page.url} has no field for the user name.")
        await fill(stage, user, self.user)
        await fill(stage, passwords, self.password)
        await stage.act(lambda: passwords.press("Enter"))

        complaint = stage.page.locator(_COMPLAINT).locator("visible=true")

        async def settled() -> bool:
            return not await passwords.count() or bool(await complaint.count())

        await stage.until(settled, SIGN_IN_TAKES_UP_TO)
        if await passwords.count():
            said = f': "{await complaint.first.inner_text()}"' if await complaint.count() else "."
            raise StepFailedError(f"The site did not accept the sign-in{said}")
        return f'Signed in; the page is "{await stage.page.title()}".'


@dataclass(frozen=True)
class Type:
    """Types text into a field."""

    name: str
    value: Value
    forms: ClassVar[tuple[Form, ...]] = (
        Form.of("(type|enter|write) <value> (in|into) [the] <name> [field|box]"),
        Form.of("fill [in] [the] <name> [field|box] with <value>"),
    )

    async def perform(self, stage: Stage) -> str:
        """Types."""
        await fill(stage, await field(stage, self.name), self.value)
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

    async def perform(self, stage: Stage) -> str:
        """Selects."""
        element = await field(stage, self.name, "list")
        options = [option.strip() for option in await element.locator("option").all_inner_texts()]
        label = next((option for option in options if option.casefold() == self.option.casefold()), None)
        if label is None:
            there = ", ".join(f'"{option}"' for option in options)
            raise StepFailedError(f'The list "{self.name}" has no option "{self.option}". It has: {there}.')
        await stage.act(lambda: element.select_option(label=label))
        return f'"{self.name}" is now "{label}".'


@dataclass(frozen=True)
class Tick:
    """Ticks a box, or chooses one of several buttons."""

    name: str
    forms: ClassVar[tuple[Form, ...]] = (Form.of("(tick|check) [the] <name> [box|checkbox|option]"),)
    state: ClassVar[bool] = True

    async def perform(self, stage: Stage) -> str:
        """Ticks."""
        element = await field(stage, self.name, "checkbox")
        await stage.act(lambda: element.set_checked(self.state))
        return f'"{self.name}" is {"ticked" if self.state else "not ticked"}.'


@dataclass(frozen=True)
class Untick(Tick):
    """Clears a box."""

    forms: ClassVar[tuple[Form, ...]] = (Form.of("(untick|uncheck) [the] <name> [box|checkbox]"),)
    state: ClassVar[bool] = False
