from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable, Iterator
from typing import Any, get_args

import pytest

from .running_prefect import WRITES_IN_BATCHES, RunningPrefect

# Prefect reads these when it is first imported.
os.environ["PREFECT_HOME"] = tempfile.mkdtemp(prefix="prefect-of-the-tests-")
os.environ["PREFECT_LOCAL_STORAGE_PATH"] = os.environ["PREFECT_HOME"] + "/storage"
os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
os.environ["PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW"] = "ignore"
os.environ.update(WRITES_IN_BATCHES)

import prefect
import prefect.settings
from prefect.testing.utilities import prefect_test_harness

from prefect_browser_use import BrowserTaskResult, BrowserUseCredentials, arun_browser_task, run_browser_task
from tests.fake_api import FakeApi
from tests.fake_api.world import Contract

Run = Callable[..., BrowserTaskResult]


@pytest.fixture(scope="session")
def harness() -> Iterator[None]:
    """A Prefect server for the flows and tasks of this process."""
    # At its end each flow waits up to a second for its heartbeats (3.9).
    no_heartbeats = {prefect.settings.PREFECT_RUNNER_HEARTBEAT_FREQUENCY: None}
    with prefect_test_harness(server_startup_timeout=120), prefect.settings.temporary_settings(no_heartbeats):
        yield


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPrefect]:
    """A Prefect server for other processes."""
    with RunningPrefect(tmp_path_factory.mktemp("prefect")) as running:
        yield running


@pytest.fixture(autouse=True)
def _no_process_outlives_its_test(request: pytest.FixtureRequest) -> Iterator[None]:
    """One that still served flows would run those of the next test."""
    if "prefect_server" not in request.fixturenames:
        yield
        return
    with request.getfixturevalue("prefect_server").left_as_found():
        yield


class QuickApi(FakeApi):
    """One whose tasks have ended when they are polled for the first time, unless a script says otherwise."""

    def __init__(self, contract: Contract) -> None:
        super().__init__(contract, real_time=True)

    def __enter__(self) -> QuickApi:
        super().__enter__()
        self.script()
        return self

    def script(self, match: str = "", **fields: Any) -> None:
        super().script(match, **{"polls": 0} | fields)


@pytest.fixture(params=get_args(Contract))
def api(request: pytest.FixtureRequest, harness: None) -> Iterator[FakeApi]:  # noqa: ARG001 - started for it
    """A Browser Use API, in each contract."""
    with QuickApi(request.param) as fake:
        yield fake


@pytest.fixture
def flat_api(harness: None) -> Iterator[FakeApi]:  # noqa: ARG001 - started for it
    """A Browser Use API, for what does not depend on the contract."""
    with QuickApi("v2-flat") as fake:
        yield fake


@pytest.fixture(params=["sync", "async"])
def run(request: pytest.FixtureRequest) -> Run:
    """Either twin, as a function that returns when the task has ended."""
    if request.param == "sync":
        return lambda *args, **options: run_browser_task(*args, **{"poll_interval": 0.02} | options)

    def arun(*args: Any, **options: Any) -> BrowserTaskResult:
        async def await_it() -> BrowserTaskResult:
            return await arun_browser_task(*args, **{"poll_interval": 0.02} | options)

        return asyncio.run(await_it())

    return arun


def failing(api: FakeApi) -> dict[str, Any]:
    """How a script lets tasks fail: agents of v4 do not say themselves whether they succeeded."""
    return {"status": "failed"} if api.contract == "v4" else {"is_success": False}


def credentials_for(api: FakeApi) -> BrowserUseCredentials:
    # Fakes use ports again that others had, and the client asks a server for its contract only once.
    return BrowserUseCredentials(api_key=api.api_key, base_url=api.base_url, api_version=api.contract)
