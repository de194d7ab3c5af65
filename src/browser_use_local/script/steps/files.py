"""Steps that bring files in and out."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import ClassVar

from playwright.async_api import Download as BrowserDownload
from playwright.async_api import FilePayload, Page

from browser_use_local.script.context import StepContext, StepFailedError
from browser_use_local.script.elements import FILE_FIELD, clickable, field
from browser_use_local.script.grammar import Form

DOWNLOAD_STARTS_WITHIN_SECONDS = 10.0


@dataclass(frozen=True)
class Download:
    """Clicks a link or a button that gives a file."""

    name: str
    forms: ClassVar[tuple[Form, ...]] = (Form.of("(download|save) [the] <name> [file]"),)

    async def perform(self, context: StepContext) -> str:
        """Downloads. The server keeps whatever file the browser gets; what the browser shows instead is saved."""
        element = await clickable(context, self.name)
        page = context.page
        starts = asyncio.ensure_future(page.wait_for_event("download", timeout=0))
        starts.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # nobody may wait for it
        try:
            await context.act(element.click)
            if await _is_a_file(context.page):
                download = await _saved(context, page)
            else:
                download = await asyncio.wait_for(starts, DOWNLOAD_STARTS_WITHIN_SECONDS)
        except asyncio.TimeoutError as error:
            raise StepFailedError(f'"{self.name}" gave no file to download.') from error
        finally:
            starts.cancel()
        if failure := await download.failure():
            raise StepFailedError(f'The download of "{self.name}" broke off: {failure}')
        return f'Downloaded "{download.suggested_filename}".'


async def _is_a_file(page: Page) -> bool:
    """Whether the browser shows a file (a PDF, a picture, a text) and no page."""
    kind: str = await page.evaluate("document.contentType")
    return "html" not in kind


async def _saved(context: StepContext, before: Page) -> BrowserDownload:
    """Saves the file that is shown, and goes back to the page before."""
    shown = context.page
    async with shown.expect_download() as expected:
        await shown.evaluate(_SAVE)
    download = await expected.value
    await download.path()
    await (shown.go_back() if shown == before else shown.close())
    return download


_SAVE = "Object.assign(document.createElement('a'), {href: location.href, download: ''}).click()"


@dataclass(frozen=True)
class Upload:
    """Puts a file that came with the task into a file field."""

    file: str
    name: str | None = None
    forms: ClassVar[tuple[Form, ...]] = (
        Form.of("(upload|attach) [the] [file] <file:name> (to|into|in|as|for) [the] <name> [field]"),
        Form.of("(upload|attach) [the] [file] <file:name>"),
    )

    async def perform(self, context: StepContext) -> str:
        """Hands the file to the page."""
        file = context.uploads.get(self.file)
        if file is None:
            there = ", ".join(f'"{name}"' for name in context.uploads) or "none"
            raise StepFailedError(f'No file "{self.file}" was uploaded for this task. Uploaded were: {there}.')
        element = context.page.locator("input[type=file]")
        if self.name:
            element = await field(context, self.name, FILE_FIELD)
        elif (number := await element.count()) != 1:
            raise StepFailedError(
                f"The page has {number} file fields: say which, as in `upload {self.file} as Receipt`."
            )
        content = FilePayload(name=self.file, mimeType=file.content_type, buffer=file.path.read_bytes())
        await element.set_input_files(content)
        return f'The file "{self.file}" is chosen.'
