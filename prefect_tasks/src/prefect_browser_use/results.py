"""What a task run returns: plain values, so that it goes through persistence, runners and parameters."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue, TypeAdapter

from browser_use_client import OutputFile, Step, Task

T = TypeVar("T")


class ResultFile(OutputFile):
    """A file that a task left behind.

    Attributes:
        id: Its id.
        name: Its name, as the task gave it.
        path: Where it lies; None if it was not downloaded.
    """

    path: Path | None = None


class BrowserTaskResult(BaseModel):
    """How a Browser Use task ended.

    Attributes:
        task_id: The task's id.
        session_id: The session that it ran in; pass it on to follow up there.
        status: `finished`, `failed` or `stopped`.
        is_success: Whether the agent says that it did what it was asked; None if it does not say.
        output: The result: JSON values that fit the schema if there was one, else text. `parse` makes
            an instance of a model from it.
        steps: What the agent did.
        live_url: Where the session could be watched, with `show_live_url` only: who has it can drive the browser.
        share_url: The session's public link, if one was made.
        cost: US dollars, if the server says (`v2-flat`).
        output_files: Files that the task left behind; with `download_output_to`, `path` says where each lies.
    """

    model_config = ConfigDict(frozen=True)

    task_id: str
    session_id: str
    status: str
    is_success: bool | None = None
    output: JsonValue = None
    steps: tuple[Step, ...] = ()
    live_url: str | None = None
    share_url: str | None = None
    cost: float | None = None
    output_files: tuple[ResultFile, ...] = ()

    def parse(self, schema: type[T]) -> T:
        """The output as an instance of a type, such as the model that was the `output_schema`.

        Raises:
            pydantic.ValidationError: The output does not fit.
        """
        return TypeAdapter(schema).validate_json(json.dumps(self.output))


def result_of(
    task: Task, output_schema: Any, live_url: str | None, paths: Sequence[Path] | None = None
) -> BrowserTaskResult:
    """The result of an ended task.

    Args:
        task: The task.
        output_schema: What its output has to fit; None for text.
        live_url: Where it could be watched, if that may be shown.
        paths: Where its files lie, one after the other; None if they were not downloaded.

    Raises:
        OutputSchemaError: The output does not fit.
    """
    output: JsonValue = task.output
    places: Sequence[Path | None] = paths or [None] * len(task.output_files)
    if output_schema is not None:
        output = task.parse_json(output_schema)
    return BrowserTaskResult(
        task_id=task.id,
        session_id=task.session_id,
        status=task.status,
        is_success=task.is_success,
        output=output,
        steps=task.steps,
        live_url=live_url,
        share_url=task.share_url,
        cost=float(task.cost) if task.cost is not None else None,
        output_files=tuple(
            ResultFile(id=file.id, name=file.name, path=path)
            for file, path in zip(task.output_files, places, strict=True)
        ),
    )
