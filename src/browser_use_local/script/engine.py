"""Carries out tasks in the step language."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from playwright.async_api import Error
from playwright.async_api import TimeoutError as PlaywrightTimeoutError

from browser_use_local.browser import Browser
from browser_use_local.engine import DoneStep, Outcome, Report, TaskRequest
from browser_use_local.output_schema import as_json
from browser_use_local.script.context import StepContext, StepFailedError
from browser_use_local.script.fill import DoesNotFitError, fill
from browser_use_local.script.parse import NotUnderstoodError, Written, parse
from browser_use_local.script.steps.moving import open_url
from browser_use_local.script.steps.reading import Wait

# Seconds. The steps have shorter bounds of their own where the page answers.
STEP_TIMEOUT_SECONDS = 120.0
CHECK_SECONDS = 3.0

T = TypeVar("T")


class ScriptEngine:
    """The engine that needs no model."""

    async def run(self, request: TaskRequest, browser: Callable[[], Awaitable[Browser]], report: Report) -> Outcome:
        """Carries out one task; a text that is not understood starts nothing."""
        try:
            steps = parse(request.task, request.secrets)
        except NotUnderstoodError as error:
            return Outcome(str(error), False)
        if len(steps) > request.max_steps:
            return Outcome(f"The task has {len(steps)} steps, and maxSteps is {request.max_steps}.", False)

        context = StepContext(await browser(), request.secrets, request.secret_hosts, request.uploads)
        await context.browser.allow_only(request.allowed_domains)
        if request.start_url:
            try:
                await _bounded(context, open_url(context, request.start_url))
            except StepFailedError as error:
                return Outcome(f"The start page was not reached: {error}", False)
        for number, written in enumerate(steps, start=1):
            if failure := await self._perform(context, written, report):
                return Outcome(f"Step {number} of {len(steps)}, `{written.text}`, failed. {failure}", False)
        return await self._outcome(request, context, len(steps))

    async def _perform(self, context: StepContext, written: Written, report: Report) -> str | None:
        """Carries out one step and reports it. Returns what went wrong."""
        began = time.monotonic()
        failure = None
        came_of_it = ""
        report.begins(written.text)
        context.browser.dialogs.clear()
        try:
            waits = float(written.step.number) if isinstance(written.step, Wait) else 0.0
            came_of_it = await _bounded(context, written.step.perform(context), STEP_TIMEOUT_SECONDS + waits)
        except StepFailedError as error:
            failure = str(error)
        except PlaywrightTimeoutError as error:
            failure = _what_was_in_the_way(error.message)
        except Error as error:
            if context.page.is_closed():
                raise
            failure = f"The page did not let it happen: {error.message.splitlines()[0]}"
        asked = list(context.browser.dialogs)
        context.extracted.dialogs.extend(asked)
        if failure is None and any(not dialog.is_answered for dialog in asked):
            failure = "The page asked for a text, which no step can give:"
        said = " ".join(dialog.said for dialog in asked)
        failure = f"{failure} {said}".strip() if failure else None
        came_of_it = f"{came_of_it} {said}".strip()
        await report(
            DoneStep(
                goal=written.text,
                actions=[{type(written.step).__name__: written.text}],
                duration=time.monotonic() - began,
                evaluation=f"Failed: {failure}" if failure else "Success",
                memory=came_of_it,
            )
        )
        return failure

    async def _outcome(self, request: TaskRequest, context: StepContext, number: int) -> Outcome:
        try:
            content = await _bounded(context, context.read_page())
        except StepFailedError as error:
            return Outcome(f"The page could not be read at the end. {error}", False)
        extracted = context.extracted
        if request.output_schema is not None:
            try:
                return Outcome(await fill(request.output_schema, extracted, content), True)
            except DoesNotFitError as error:
                page = f'The page "{content.title}" ({content.url})'
                return Outcome(f"{page} does not fit the output schema: {error}", False)
        parts = [as_json(context.shown(table.records)) for table in extracted.tables]
        if extracted.pairs:
            parts.append(context.lines(extracted.pairs))
        if not parts:
            parts.append(
                f'Done in {number} step{"s" if number > 1 else ""}. The page is "{content.title}" ({content.url}).'
            )
        parts.extend(dialog.said for dialog in extracted.dialogs)
        return Outcome("\n\n".join(parts), True)


async def _bounded(context: StepContext, work: Coroutine[Any, Any, T], seconds: float = STEP_TIMEOUT_SECONDS) -> T:
    """Works on the page until that is done, the page does not answer any more, or the time is over.

    Much of what Playwright does waits for the page without end, and a page answers no one while its script runs.

    Raises:
        StepFailedError: It was not done.
    """
    job = asyncio.ensure_future(work)
    until = asyncio.get_running_loop().time() + seconds
    try:
        while not (await asyncio.wait([job], timeout=CHECK_SECONDS))[0]:
            if await context.browser.ended_script():
                raise StepFailedError("The page did not answer: one of its scripts ran without end, and was ended.")
            if asyncio.get_running_loop().time() > until:
                raise StepFailedError(f"It was not done within {seconds:g} seconds.")
        return job.result()
    finally:
        job.cancel()


# What Playwright's log of an action says, and what it means.
_IN_THE_WAY = (
    (re.compile(r"- (<.*>) (?:from <.*> subtree )?intercepts pointer events"), "it is covered by `{}`"),
    (re.compile(r"element is not (enabled)"), "it is disabled"),
    (re.compile(r"element is not (visible)"), "it is hidden"),
    (re.compile(r"element is not (editable)"), "it is read-only"),
    (re.compile(r"element is not (stable)"), "it does not stand still"),
    (re.compile(r"element is (outside) of the viewport"), "it is outside of what the page shows"),
)


def _what_was_in_the_way(message: str) -> str:
    """Why an action could not be done in time, from the log that Playwright adds to its message."""
    for pattern, reason in _IN_THE_WAY:
        if found := pattern.findall(message):
            return f"What it names is there, but {reason.format(found[-1])}."
    return f"The page did not let it happen in time: {message.splitlines()[0]}"
