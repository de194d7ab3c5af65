"""Carries out tasks with the open-source browser-use agent, which runs in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from browser_use_local.agent.environment import Environment
from browser_use_local.agent.model import Model
from browser_use_local.browser import MASK_ATTRIBUTE, Browser
from browser_use_local.engine import DoneStep, EngineFailedError, Outcome, Report, TaskRequest
from browser_use_local.masking import mask
from browser_use_local.output_schema import TOO_MUCH_WORK, faults

PROGRAM = Path(__file__).with_name("program.py")
MAX_LINE_BYTES = 32 * 1024 * 1024
MAX_NAME_CHARACTERS = 60
# How many tasks of its session the agent is told of, and how much of each, in characters.
REMEMBERED_TASKS = 10
MAX_MEMORY_CHARACTERS = 1000
QUIET = {
    "ANONYMIZED_TELEMETRY": "false",
    "BROWSER_USE_CLOUD_SYNC": "false",
    "BROWSER_USE_VERSION_CHECK": "false",
    "BROWSER_USE_LOGGING_LEVEL": "warning",
    "PYTHON_DOTENV_DISABLED": "true",
}


class AgentEngine:
    """The engine that asks a language model what to do.

    Args:
        model: The model.
        keys: The keys that the agent's process will find in its environment, to be masked wherever they turn up.
        environment: Where the agent's packages are.
        folder: Where each task gets a folder of its own for the time that it runs.
    """

    def __init__(self, model: Model, keys: Mapping[str, str], environment: Environment, folder: Path) -> None:
        self._model = model
        self._keys = keys
        self._environment = environment
        self._folder = folder

    async def run(self, request: TaskRequest, browser: Callable[[], Awaitable[Browser]], report: Report) -> Outcome:
        """Carries out one task. When it is cancelled, the agent is gone, and the browser stays as it is."""
        python = await self._environment.python()
        with self._workplace() as place:
            async with _program(python, place) as agent:
                # The program takes seconds to start, and so does the browser: together.
                chromium = await browser()
                await chromium.allow_only(request.allowed_domains)
                await agent.send(self._task(request, chromium, place))
                async for said in agent.messages():
                    match mask(said, self._keys):
                        case {"step": step}:
                            await report(_step(step, place))
                            await agent.send({})
                        case {"answer": answer}:
                            problem = await faults(request.output_schema or {}, answer)
                            if problem == TOO_MUCH_WORK:  # no other answer would help
                                return Outcome(f"What the agent reported could not be checked: {problem}", False)
                            await agent.send({"faults": problem})
                        case {"end": end}:
                            return _outcome(request, end)
                        case {"failed": reason}:
                            raise EngineFailedError(reason)
        raise EngineFailedError(f"The agent's process ended unexpectedly: {mask(agent.last_words, self._keys)}")

    @contextlib.contextmanager
    def _workplace(self) -> Iterator[Path]:
        self._folder.mkdir(parents=True, exist_ok=True)
        place = Path(tempfile.mkdtemp(prefix="agent-", dir=self._folder))
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def _task(self, request: TaskRequest, chromium: Browser, place: Path) -> dict[str, Any]:
        uploads = place / "uploads"
        uploads.mkdir()
        files = []
        for number, (name, upload) in enumerate(request.uploads.items()):
            # Pages get the name with the file, and two names may come to the same.
            folder = uploads / str(number)
            folder.mkdir()
            file = folder / _file_name(name)
            shutil.copyfile(upload.path, file)
            files.append(str(file))
        return {
            "model": self._model.as_message(),
            "cdp_url": chromium.cdp_url,
            "mark": MASK_ATTRIBUTE,
            "task": _with_secret_tags(request.task, request.secrets),
            "secrets": dict(request.secrets),
            "secret_hosts": dict(request.secret_hosts),
            "start_url": request.start_url,
            "output_schema": request.output_schema,
            "max_steps": request.max_steps,
            "allowed_domains": request.allowed_domains,
            "instructions": _instructions(request),
            "flash_mode": request.flash_mode,
            "thinking": request.thinking,
            "vision": request.vision,
            "highlight_elements": request.highlight_elements,
            "files": files,
            "downloads": str(place / "downloads"),
        }


class _Program:
    """The running program, and the lines to and from it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._errors: deque[str] = deque(maxlen=20)
        self._listening = asyncio.create_task(self._listen())

    @property
    def last_words(self) -> str:
        """What it wrote last to its standard error."""
        return self._errors[-1] if self._errors else "it said nothing"

    async def send(self, message: dict[str, Any]) -> None:
        """Sends a line."""
        if self._process.stdin:
            # One that has ended says why in its standard error.
            with contextlib.suppress(ConnectionError):
                self._process.stdin.write(json.dumps(message).encode() + b"\n")
                await self._process.stdin.drain()

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        """The lines that it sends, until it ends."""
        while self._process.stdout and (line := await self._process.stdout.readline()):
            yield json.loads(line)
        await self._listening

    async def end(self) -> None:
        """Ends it, whatever it does."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        self._listening.cancel()

    async def _listen(self) -> None:
        while self._process.stderr and (line := await self._process.stderr.readline()):
            if text := line.decode(errors="replace").strip():
                self._errors.append(text)


@contextlib.asynccontextmanager
async def _program(python: Path, place: Path) -> AsyncIterator[_Program]:
    """Starts the program, and ends it in the end."""
    try:
        process = await asyncio.create_subprocess_exec(
            python,
            "-I",
            PROGRAM,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=place,
            env={**os.environ, **QUIET, "TMPDIR": str(place), "BROWSER_USE_CONFIG_DIR": str(place / "config")},
            limit=MAX_LINE_BYTES,
        )
    except OSError as error:
        raise EngineFailedError(f"The agent's Python, {python}, cannot be started: {error.strerror}") from error
    program = _Program(process)
    try:
        yield program
    finally:
        await program.end()


def _file_name(name: str) -> str:
    """A name from outside as one that is no path, and that any file system takes."""
    return re.sub(r"[^\w. ()-]", "_", name)[-MAX_NAME_CHARACTERS:].lstrip(".") or "file"


def _with_secret_tags(task: str, secrets: Mapping[str, str]) -> str:
    """The task with `{{name}}` as the agent writes it; bare names it knows by itself."""
    return re.sub(
        r"\{\{\s*([^{}]+?)\s*\}\}",
        lambda match: f"<secret>{match[1]}</secret>" if match[1] in secrets else match[0],
        task,
    )


def _instructions(request: TaskRequest) -> str:
    """What the system prompt is extended with: what the user said, and what came before."""
    parts = [request.instructions] if request.instructions else []
    if request.earlier:
        latest = request.earlier[-REMEMBERED_TASKS:]
        lines = [f"- {task[:MAX_MEMORY_CHARACTERS]}\n  {output[:MAX_MEMORY_CHARACTERS]}" for task, output in latest]
        parts.append("Earlier tasks in this browser, which is still open, and what came of them:\n" + "\n".join(lines))
    return "\n\n".join(parts)


def _step(step: dict[str, Any], place: Path) -> DoneStep:
    # Names of files may come from the model, and it gives out none but those of its own folder.
    files = [path for path in map(Path, step["files"]) if path.resolve().is_relative_to(place.resolve())]
    return DoneStep(**{**step, "files": [path for path in files if path.is_file()]})


def _outcome(request: TaskRequest, end: dict[str, Any]) -> Outcome:
    output, is_success = end["output"], end["is_success"]
    if request.output_schema is None or not is_success:
        return Outcome(output, is_success)
    try:
        return Outcome(json.loads(output), True)
    except ValueError:
        return Outcome("What the agent reported does not fit the output schema: it is not JSON", False)
