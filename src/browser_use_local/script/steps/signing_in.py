"""The step that signs in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlsplit

from browser_use_local.script.context import HttpError, StepContext, StepFailedError
from browser_use_local.script.grammar import Form, Value
from browser_use_local.script.typing_in import type_in

SIGN_IN_TIMEOUT_MS = 10_000
_USER_FIELD = "xpath=preceding::input[not(@type) or @type='text' or @type='email' or @type='tel'][1]"
_COMPLAINT = "[role=alert], .error, .alert"
_TEXT_FIELDS = (
    "input:is(:not([type]), [type=text], [type=tel], [type=number], [type=email]):not([role=searchbox]):visible"
)
# A field: how the browser would fill it in, its technical names, and what people read beside it.
_DESCRIBED = """fields => fields.map(field => ({
    autocomplete: field.autocomplete, technical: `${field.name} ${field.id}`,
    label: [[...(field.labels ?? [])].map((label) => label.innerText).join(' '), field.getAttribute('aria-label'),
        field.placeholder].find((name) => name && name.trim())?.trim() ?? '',
}))"""
# Words of a second factor; a code of a shop, of a country or of a product is none.
_CODE = re.compile(
    r"(?<!discount )(?<!promo )(?<!promotion )(?<!coupon )(?<!voucher )(?<!gift )(?<!postal )(?<!post )(?<!zip )"
    r"(?<!area )(?<!country )(?<!product )(?<!item )(?<!article )\b(?:code|passcode|pin|otp|tan|token)s?\b",
    re.IGNORECASE,
)
_FACTOR = re.compile(
    r"one[-_ ]?time|\botp|otp\b|\b2fa\b|\bmfa\b|totp|(?:two|multi|second)[-_ ]?(?:factor|step)|verif(?:y|ication)"
    r"[-_ ]?(?:code|your identity|it'?s you)|passcode|authenticator|confirm your identity",
    re.IGNORECASE,
)
_SIGN_IN_PATH = re.compile(
    r"log[-_]?in|sign[-_]?in|\bsso\b|\bauth\b|challenge|verify|verification|\bmfa\b|\b2fa\b|\botp\b|two[-_]?factor",
    re.IGNORECASE,
)


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

    async def perform(self, context: StepContext) -> str:
        """Signs in; fails where the page afterwards still asks for a password, or for anything else to let one in."""
        passwords = context.page.locator("input[type=password]:visible")
        await context.until(passwords.count)
        if await passwords.count() != 1:
            raise StepFailedError(f"The page {context.page.url} has no sign-in form with one password field.")
        user = passwords.locator(_USER_FIELD)
        if not await user.count():
            raise StepFailedError(f"The sign-in form of {context.page.url} has no field for the user name.")
        await type_in(context, user, self.user, "user name")
        await type_in(context, passwords, self.password, "password")
        refused: HttpError | None = None
        try:
            await context.act(lambda: passwords.press("Enter"))
        except HttpError as error:  # many sites send the form again with a status that says why
            refused = error

        passwords = context.page.locator("input[type=password]:visible")
        complaint = context.page.locator(_COMPLAINT).locator("visible=true")

        async def settled() -> bool:
            return not await passwords.count() or bool(await complaint.count())

        await context.until(settled, SIGN_IN_TIMEOUT_MS)
        if await passwords.count():
            said = f': "{await complaint.first.inner_text()}"' if await complaint.count() else "."
            raise StepFailedError(f"The site did not accept the sign-in{said}")
        if refused:
            raise refused
        if question := await _asks_for(context):
            raise StepFailedError(
                f'The sign-in is not complete: the page "{await context.page.title()}" ({context.page.url}) asks for'
                f' "{question}". Write such a sign-in as single steps: type the user name and the password, click the'
                " button, then type what the page asks for."
            )
        return f'Signed in; the page is "{await context.page.title()}".'


async def _asks_for(context: StepContext) -> str | None:
    """What the page wants beside user name and password; None where it wants nothing more."""
    fields = await context.page.locator(_TEXT_FIELDS).evaluate_all(_DESCRIBED)
    headings = [await context.page.title(), *await context.page.locator("h1:visible, h2:visible").all_inner_texts()]
    for one in fields:
        names = f"{one['label']} {one['technical']}"
        if one["autocomplete"] == "one-time-code" or _FACTOR.search(names) or _CODE.search(one["label"]):
            return one["label"] or headings[-1]
    if said := next((heading for heading in headings if _FACTOR.search(heading)), None):
        return said
    if fields and _SIGN_IN_PATH.search(urlsplit(context.page.url).path):
        return fields[0]["label"] or headings[-1]
    return None
