"""Steps that bring files in and out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from playwright.async_api import Error, FilePayload

from browser_use_local.script.elements import FILE_FIELD, clickable, field
from browser_use_local.script.grammar import Form
from browser_use_local.script.stage import Stage, StepFailedError

DOWNLOAD_STARTS_WITHIN = 10_000


@dataclass(frozen=True)
class Download:
    """Clicks a link or a button that gives a file."""

    name: str
    forms: ClassVar[tuple[Form, ...]] = (Form.of("(download|save) [the] <name> [file]"),)

    async def perform(self, stage: Stage) -> str:
        """Downloads. The server keeps whatever file the browser gets."""
        element = await clickable(stage, self.name)
        try:
            async with stage.page.expect_download(timeout=DOWNLOAD_STARTS_WITHIN) as expected:
                await element.click()
            download = await expected.value
        except Error as error:
            raise StepFailedError(f'"{self.name}" gave no file to download.') from error
        if failure := await download.failure():
            raise StepFailedError(f'The download of "{self.name}" broke off: {failure}')
        return f'Downloaded "{download.suggested_filename}".'


@dataclass(frozen=True)
class Upload:
    """Puts a file that came with the task into a file field."""

    file: str
    name: str | None = None
    forms: ClassVar[tuple[Form, ...]] = (
        Form.of("(upload|attach) [the] [file] <file:name> (to|into|in|as|for) [the] <name> [field]"),
        Form.of("(upload|attach) [the] [file] <file:name>"),
    )

    async def perform(self, stage: Stage) -> str:
        """Hands the file to the page."""
        file = stage.uploads.get(self.file)
        if file is None:
            there = ", ".join(f'"{name}"' for name in stage.uploads) or "none"
            raise StepFailedError(f'No file "{self.file}" was uploaded for this task. Uploaded were: {there}.')
        element = stage.page.locator("input[type=file]")
        if self.name:
            element = await field(stage, self.name, FILE_FIELD)
        elif (number := await element.count()) != 1:
            raise StepFailedError(
                f"The page has {number} file fields: say which, as in `upload {self.file} as Receipt`."
            )
        content = FilePayload(name=self.file, mimeType=file.content_type, buffer=file.path.read_bytes())
        await element.set_input_files(content)
        return f'The file "{self.file}" is chosen.'
