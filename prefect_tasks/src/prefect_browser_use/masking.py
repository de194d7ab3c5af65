"""Keeps the secrets of a task out of what is shown of it: logs, artifacts, and the messages of errors."""

from __future__ import annotations

import html
import json
import re
from typing import Any

from browser_use_client import CreateTaskRequest, Task

MASK = "********"

SHORT_CHARACTERS = 3
"""A secret of so few characters stands in too many words by chance: it is one only where it is a whole value."""

_SAID = " It said: "
"""What a task said follows this in the message of its error."""


class Mask:
    """Masks the secrets of one request. Results are never made of what it returns."""

    def __init__(self, request: CreateTaskRequest) -> None:
        secrets = {secret.get_secret_value() for secret in request.secrets.values()} - {""}
        self._whole = secrets
        long = sorted((secret for secret in secrets if len(secret) > SHORT_CHARACTERS), key=len, reverse=True)
        self._anywhere = re.compile("|".join("".join(map(_spelled, secret)) for secret in long)) if long else None

    def text(self, text: str) -> str:
        """A text that is one value, such as what a step wants to do."""
        return MASK if text in self._whole else self._within(text)

    def output(self, output: str) -> str:
        """What a task returned: the values in it, if it is JSON."""
        try:
            value = json.loads(output)
            masked = self._value(value)
        except (ValueError, RecursionError):
            return self.text(output)
        return output if masked == value else json.dumps(masked, ensure_ascii=False)

    def task(self, task: Task) -> Task:
        """A task, to be shown."""
        steps = [
            step.model_copy(
                update={
                    "goal": self.text(step.goal),
                    "evaluation": self.text(step.evaluation),
                    "url": self.text(step.url),
                }
            )
            for step in task.steps
        ]
        files = [file.model_copy(update={"name": self.text(file.name)}) for file in task.output_files]
        output = self.output(task.output) if task.output else task.output
        return task.model_copy(update={"output": output, "steps": tuple(steps), "output_files": tuple(files)})

    def error(self, error: BaseException) -> None:
        """Masks the message of an error, and of those that led to it: Prefect stores and shows them."""
        seen: set[int] = set()
        link: BaseException | None = error
        while link is not None and id(link) not in seen:
            seen.add(id(link))
            link.args = tuple(self._message(part) if isinstance(part, str) else part for part in link.args)
            link = link.__cause__ or link.__context__

    def _message(self, message: str) -> str:
        about, said, output = message.partition(_SAID)
        return self._within(about) + said + (self.output(output) if output else "")

    def _within(self, text: str) -> str:
        return self._anywhere.sub(MASK, text) if self._anywhere else text

    def _value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {self._within(name): self._value(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self._value(item) for item in value]
        if isinstance(value, str):
            return self.text(value)
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return MASK if is_number and json.dumps(value) in self._whole else value


def _spelled(character: str) -> str:
    """A pattern for a character as it stands in texts, in JSON, in HTML and, whatever the browser leaves, in URLs."""
    in_url = "".join(f"%{byte:02X}" for byte in character.encode(errors="replace"))
    in_json = {json.dumps(character)[1:-1], json.dumps(character, ensure_ascii=False)[1:-1]}
    spellings = {
        character,
        in_url,
        in_url.lower(),
        *in_json,
        html.escape(character),
        "+" if character == " " else character,
    }
    return f"(?:{'|'.join(re.escape(one) for one in sorted(spellings, key=len, reverse=True))})"
