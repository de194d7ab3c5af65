"""The environment of the agent is made once, and says what went wrong. A small package stands in for the agent."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from browser_use_local.agent.environment import OLDEST_PYTHON, Environment, NoPythonError
from browser_use_local.engine import EngineFailedError

TOOLS = Path(__file__).parents[2] / ".build" / "tools" / "bin"

makes_one = pytest.mark.skipif(sys.version_info < OLDEST_PYTHON, reason="the agent has no release for this Python")


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    """A file that requires a package which lies beside it."""
    wheel = tmp_path / "stand_in-1.0-py3-none-any.whl"
    info = "stand_in-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("stand_in.py", "")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: stand-in\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    file = tmp_path / "requirements.txt"
    file.write_text(f"{wheel}\n")
    return file


@makes_one
@pytest.mark.parametrize("path", [f"{TOOLS}:/usr/bin:/bin", "/nowhere"], ids=["uv", "pip"])
def test_tasks_that_need_it_at_once_have_it_made_once(
    path: str,
    requirements: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("PATH", path)
    stale = tmp_path / "agent" / "of-another-version"
    stale.mkdir(parents=True)

    async def three_tasks() -> set[Path]:
        environment = Environment(tmp_path / "agent", requirements=requirements)
        stopped = asyncio.create_task(environment.python())
        await asyncio.sleep(0)
        stopped.cancel()
        return {*await asyncio.gather(environment.python(), environment.python())}

    with caplog.at_level(logging.WARNING):
        (python,) = asyncio.run(three_tasks())
    subprocess.run([python, "-I", "-c", "import stand_in"], check=True)
    assert [record.message.split(" in ")[0] for record in caplog.records] == [
        "The agent's environment is made",
        "The agent's environment is ready.",
    ]
    assert not stale.exists()
    assert asyncio.run(Environment(tmp_path / "agent", requirements=requirements).python()) == python
    assert len(caplog.records) == 2


@makes_one
def test_one_that_cannot_be_made_is_one_sentence_and_the_next_task_tries_again(
    requirements: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{TOOLS}:/usr/bin:/bin")
    wheel = Path(requirements.read_text().strip())
    away = wheel.rename(wheel.with_suffix(".away"))
    environment = Environment(tmp_path / "agent", requirements=requirements)

    async def twice() -> Path:
        with pytest.raises(EngineFailedError, match=r"The agent's environment could not be made, .* `uv` said: "):
            await environment.python()
        away.rename(wheel)
        return await environment.python()

    assert asyncio.run(twice()).exists()


def test_the_user_may_name_an_environment_of_their_own(tmp_path: Path) -> None:
    own = Path(sys.executable)
    assert asyncio.run(Environment(tmp_path / "agent", own).python()) == own
    with pytest.raises(NoPythonError, match="There is no program /nowhere/python: name the Python"):
        Environment(tmp_path / "agent", Path("/nowhere/python"))


@pytest.mark.skipif(sys.version_info >= OLDEST_PYTHON, reason="this Python has the agent")
def test_a_python_that_is_too_old_is_said_before_any_task(tmp_path: Path) -> None:
    with pytest.raises(NoPythonError, match=r"The agent needs Python 3\.11 or newer, and this server runs on 3\."):
        Environment(tmp_path / "agent")
