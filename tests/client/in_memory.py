"""A third driver: it performs what flows ask for on a world of the fake, with no socket and no waiting."""

from __future__ import annotations

import json
from collections.abc import Generator
from itertools import count
from typing import Any, TypeVar

import httpx

from browser_use_client.contracts import CONTRACTS
from browser_use_client.effects import Call, Effect, Flow, Notify, Sleep, Together
from browser_use_client.errors import BrowserUseError, ConnectError, NetworkError
from browser_use_client.server_clock import ServerClock
from browser_use_client.transport import result_of
from tests.fake_api.exchange import Answer, Request
from tests.fake_api.faults import Endpoint, Fault, Faults, is_at
from tests.fake_api.routes import answer
from tests.fake_api.routing import PREFIXES
from tests.fake_api.scripts import Script
from tests.fake_api.tasks import Task, carries, keyed_body
from tests.fake_api.world import Contract, World

T = TypeVar("T")
SPOKEN: tuple[Contract, ...] = ("v2-nested", "v2-flat", "v4")
"""The contracts that all cases run in."""

ORIGIN = "http://shop.test"
CLIENT_TIMEOUT = 30.0
ENDLESS = 10_000

_killed: list[Generator[Any, None, Any]] = []
"""Flows of processes that were killed: kept, since a generator that is let go runs its clean-up."""


class InMemory:
    """A server, a clock and a driver in one.

    Attributes:
        world: What the server knows.
        trace: What flows asked for, in order: `POST /tasks`, `sleep 1`, `tell ...`.
        sleeps: The pauses, in seconds.
        refusing: Whether connections are refused.
        skew: How far the client's clock is ahead of the server's, in seconds.
        tells_time: Whether answers have a `Date`.
        server_clock: What the client knows of the server's clock.
    """

    def __init__(self, name: Contract) -> None:
        self.contract = CONTRACTS[name]
        self.world = World(name, "bu_key", real_time=False)
        self.faults = Faults(name)
        self.trace: list[str] = []
        self.sleeps: list[float] = []
        self.refusing = False
        self.skew = 0.0
        self.tells_time = True
        self.server_clock = ServerClock(self.clock)

    def clock(self) -> float:
        return self.world.now + self.skew

    def script(self, **fields: Any) -> None:
        self.world.scripts.add(Script(**fields))

    def fault(self, method: str = "*", path: str = "*", **fields: Any) -> None:
        self.faults.add(Fault(method, path, **fields))

    def run(self, flow: Flow[T]) -> T:
        """Runs a flow to its end."""
        running = self.steps(flow)
        try:
            while True:
                next(running)
        except StopIteration as end:
            result: T = end.value
            return result

    def steps(self, flow: Flow[T]) -> Generator[Effect, None, T]:
        """Runs a flow, pausing before each thing that it asks for, so that others can come in between."""
        try:
            effect = next(flow)
            while True:
                yield effect
                try:
                    result = self._perform(effect)
                except BaseException as error:  # noqa: BLE001 - the flow decides what each error means
                    effect = flow.throw(error)
                else:
                    effect = flow.send(result)
        except StopIteration as end:
            result_of_flow: T = end.value
            return result_of_flow

    def crash(self, flow: Flow[Any], *, after: int, performed: bool) -> None:
        """Ends a flow from outside, as SIGKILL does: nothing of it runs any more.

        Args:
            flow: The flow.
            after: So many things that it asks for are done, and their answers received.
            performed: Whether the next one is done as well, its answer not received.
        """
        running = self.steps(flow)
        for _ in range(after):
            next(running)
        effect = next(running)
        if performed:
            self._perform(effect)
        _killed.append(running)

    def interrupt(self, flow: Flow[T], error: BaseException, *, after: int, performed: bool) -> T:
        """Runs a flow, and raises an error inside it in place of what comes of one of the things that it asks for.

        Args:
            flow: The flow.
            error: What Ctrl+C or a cancellation raises.
            after: So many things that it asks for are done, and their answers received.
            performed: Whether the next one is done as well, its answer not received.

        Returns:
            What it returns if it ends before that.
        """

        def interrupted() -> Flow[T]:
            try:
                effect = next(flow)
                for number in count():
                    try:
                        if number == after and performed:
                            self._perform(effect)
                        if number == after:
                            raise error
                        answer = yield effect
                    except BaseException as raised:  # noqa: BLE001 - the flow decides what each error means
                        effect = flow.throw(error if number == after else raised)
                    else:
                        effect = flow.send(answer)
            except StopIteration as end:
                result: T = end.value
                return result
            raise AssertionError("count() does not end")

        return self.run(interrupted())

    def asked(self, *endpoints: Endpoint) -> list[Endpoint]:
        """What was asked for so far, of these, in order."""
        sent = [line.split() for line in self.trace if " /" in line]
        of = [[one for one in endpoints if is_at(self.world.contract, one, *line)] for line in sent]
        return [one for names in of for one in names]

    def start_task(self, key: str | None = None, *, keep_alive: bool = False) -> Task:
        """Starts a task as if another process had, in a session of its own."""
        body = {"task": "x"} if key is None else keyed_body(self.world.contract, "x", key)
        return self.world.create_task(body, "o3", self.world.create_session(keep_alive=keep_alive))

    def live_tasks(self, key: str) -> list[str]:
        """The ids of the tasks that run under a key."""
        return [task.id for task in self.world.tasks.values() if task.is_live and carries(task.summary(), key)]

    def _perform(self, effect: Effect) -> Any:
        match effect:
            case Sleep(seconds=seconds):
                self.trace.append(f"sleep {seconds:g}")
                self.sleeps.append(seconds)
                self.world.advance(seconds)
                return None
            case Notify(callback, arguments):
                self.trace.append("tell")
                return callback(*arguments)
            case Together(calls):
                return [self._answer(call) for call in calls]
            case Call():
                return self._call(effect)
        raise AssertionError(effect)

    def _answer(self, call: Call[Any]) -> Any:
        try:
            return self._call(call)
        except BrowserUseError as error:
            return error

    def _call(self, call: Call[T]) -> T:
        self.trace.append(str(call))
        assert len(self.trace) < ENDLESS, "This wait does not end."
        if self.refusing:
            raise ConnectError(f"No connection for {call}.")
        query = {name: str(value) for name, value in call.params.items() if value is not None}
        body = b"" if call.json is None else json.dumps(call.json).encode()
        key = {"x-browser-use-api-key": self.world.api_key}
        request = Request(call.method, PREFIXES[self.world.contract] + call.path, query, key, body)
        fault = self.faults.take(call.method, call.path)
        sent = self._through(call, request, fault) if fault else answer(self.world, request, ORIGIN)
        response = httpx.Response(
            sent.status,
            content=sent.encoded(),
            headers={"Date": self.world.date} | sent.headers if self.tells_time else sent.headers,
            request=httpx.Request(call.method, ORIGIN + request.path),
        )
        self.server_clock.saw(response.headers)
        return result_of(call, response)

    def _through(self, call: Call[Any], request: Request, fault: Fault) -> Answer:
        if fault.point == "after reading" and fault.work == "done":
            answer(self.world, request, ORIGIN)
        elif fault.point == "after reading" and fault.work == "late":
            self.world.later(fault.late, lambda: answer(self.world, request, ORIGIN))
        if fault.status is not None:
            retry_after = {} if fault.retry_after is None else {"Retry-After": fault.retry_after}
            return Answer(fault.status, {"detail": fault.detail}, retry_after)
        if fault.garbage is not None:
            return Answer(200, fault.garbage.encode())
        if fault.hang:
            self.world.advance(call.timeout or CLIENT_TIMEOUT)
        raise NetworkError(f"{call} got no answer.")
