"""Keeping what tasks give out: their steps with a picture of the page, and their files."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path

from playwright.async_api import Download, Error

from browser_use_local.browser import Browser
from browser_use_local.engine import DoneStep
from browser_use_local.files import Files
from browser_use_local.masking import mask
from browser_use_local.records import Step, Task
from browser_use_local.store import Store

logger = logging.getLogger(__name__)


class NotKeptError(Exception):
    """A file that a task gave out could not be kept. The message is for the user."""


def screenshot_path(data_dir: Path, task_id: str, number: int) -> Path:
    """Where the screenshot of a step lies."""
    return data_dir / "tasks" / task_id / f"{number}.jpg"


class Keeping:
    """Keeps what tasks give out. A file that cannot be kept is an error; a step or a picture is a warning.

    Args:
        data_dir: Where pictures lie.
        store: Where steps are written down.
        files: Where files are kept.
    """

    def __init__(self, data_dir: Path, store: Store, files: Files) -> None:
        self._data_dir = data_dir
        self._store = store
        self._files = files

    async def download(self, task_id: str, download: Download, secrets: Mapping[str, str]) -> None:
        """Keeps what the browser downloads as an output file.

        Raises:
            NotKeptError: It could not be kept.
        """
        name = mask(Path(download.suggested_filename).name, secrets)
        try:
            self._file(task_id, name, Path(await download.path()))
        except Error as error:
            logger.warning("a download of task %s broke off: %s", task_id, error.message.splitlines()[0])

    async def step(
        self, task_id: str, done: DoneStep, browser: Browser, secrets: Mapping[str, str], is_running: Callable[[], bool]
    ) -> None:
        """Keeps a step, with the page as it is now, unless its task was ended meanwhile.

        Raises:
            NotKeptError: A file that it gave out could not be kept.
        """
        for file in done.files:
            self._file(task_id, mask(file.name, secrets), file)
        number = self._store.count(Step, {"task_id": task_id}) + 1
        picture: bytes | None = None
        try:
            picture = await browser.screenshot()
        except Error as error:
            logger.warning("no screenshot of step %d of task %s: %s", number, task_id, error.message.splitlines()[0])
        if not is_running():
            return
        step = Step(
            task_id=task_id,
            number=number,
            goal=mask(done.goal, secrets),
            evaluation=mask(done.evaluation, secrets),
            memory=mask(done.memory, secrets),
            url=mask(browser.page.url, secrets),
            actions=[json.dumps(mask(action, secrets)) for action in done.actions],
            duration=round(done.duration, 3),
            has_screenshot=picture is not None and self._picture(task_id, number, picture),
        )
        try:
            self._store.add(step)
            if done.input_tokens is not None:
                tokens = {"input_tokens": done.input_tokens, "output_tokens": done.output_tokens}
                self._store.change(Task, {"id": task_id}, **tokens)
        except sqlite3.Error as error:
            logger.warning("step %d of task %s could not be written: %s", number, task_id, error)

    def _file(self, task_id: str, name: str, source: Path) -> None:
        try:
            self._files.keep_output(task_id, name, source)
        except (OSError, sqlite3.Error) as error:
            raise NotKeptError(f'The file "{name}" could not be kept: {error}') from error

    def _picture(self, task_id: str, number: int, jpeg: bytes) -> bool:
        """Writes the picture of a step. Returns whether that could be done."""
        path = screenshot_path(self._data_dir, task_id, number)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(jpeg)
        except OSError as error:
            logger.warning("the screenshot of step %d of task %s could not be kept: %s", number, task_id, error)
            return False
        return True
