"""How a test tells the fake what to do, and reads what it saw: the same in a thread, and in a process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import asdict, replace
from typing import Any

from .faults import Endpoint, Fault, is_at
from .routing import PREFIXES
from .scripts import Script
from .server import Server
from .tasks import carries
from .world import Contract


class Control:
    """What both kinds of fakes can be asked.

    Attributes:
        contract: What it speaks.
        base_url: What a client takes, up to `/api/v2` or `/api/v4`.
        api_key: The only key that it takes.
    """

    contract: Contract
    base_url: str
    api_key: str

    def script(self, match: str = "", **fields: Any) -> None:
        """Says how tasks go from now on whose prompt contains `match`; see `Script`. The newest script counts."""
        self.ask("script", asdict(Script(match=match, **fields)))

    def fault(self, method: str = "*", path: str = "*", **fields: Any) -> None:
        """Lets a request go wrong; see `Fault`."""
        self.ask("fault", asdict(Fault(method=method, path=path, **fields)))

    def refuse(self, seconds: float | None = None) -> None:
        """Refuses connections, for so many seconds of the fake's clock or until `listen`."""
        self.ask("refuse", {"seconds": seconds})

    def listen(self) -> None:
        """Takes connections again."""
        self.ask("listen")

    def advance(self, seconds: float) -> None:
        """Moves the fake's clock on."""
        self.ask("advance", {"seconds": seconds})

    def time(self) -> float:
        """The fake's clock, in seconds since the epoch."""
        return float(self.ask("time"))

    def limit(
        self, *, max_sessions: int | None = None, credits_usd: float = 100.0, requests_a_second: int | None = None
    ) -> None:
        """Sets what the account may."""
        limits = {"max_sessions": max_sessions, "credits_usd": credits_usd, "requests_a_second": requests_a_second}
        self.ask("limit", limits)

    def forget_fields(self, *names: str) -> None:
        """Becomes an older server, which refuses these fields of bodies by name; see `schemas_v4.SINCE_OCTOBER`."""
        self.ask("forget_fields", {"names": names})

    def rescript(self, task_id: str, **changes: Any) -> None:
        """Changes the script of a task that runs, but not when it ends."""
        self.ask("rescript", {"task_id": task_id, "changes": changes})

    def show_live_at(self, live_url: str) -> None:
        """Sets the live URL of all sessions, `{session_id}` in it; otherwise each has one of the fake."""
        self.ask("show_live_at", {"live_url": live_url})

    def show_recordings_at(self, recording_url: str) -> None:
        """Sets the URL of the recordings of all sessions, `{session_id}` in it; otherwise there are none."""
        self.ask("show_recordings_at", {"recording_url": recording_url})

    def start_tasks(self, number: int, **fields: Any) -> list[str]:
        """Starts tasks as if a client had, each in a session of its own, by a script; returns their ids."""
        ids: list[str] = self.ask("start_tasks", {"number": number, "script": asdict(Script(times=number, **fields))})
        return ids

    def add_others(self, number: int, *, status: str = "finished", odd: dict[str, Any] | None = None) -> None:
        """Tasks of other users of the account, newer than all that there are; `odd` as in `Script`."""
        self.ask("add_others", {"number": number, "status": status, "odd": odd})

    def end_task(self, task_id: str, status: str = "finished") -> None:
        """Ends a task now."""
        self.ask("end_task", {"task_id": task_id, "status": status})

    def stop_session(self, session_id: str) -> None:
        """Closes a session now, and what runs in it."""
        self.ask("stop_session", {"session_id": session_id})

    def forget_requests(self) -> None:
        """Starts to count requests anew."""
        self.ask("forget_requests")

    def requests(
        self, method: str | None = None, path: str = "", *, at: Endpoint | None = None
    ) -> list[dict[str, Any]]:
        """The requests seen so far, in order: see `server.Recorded`.

        Args:
            method: Only of this method.
            path: Only of paths that end in this.
            at: Only for this.
        """
        seen: list[dict[str, Any]] = self.ask("requests")
        prefix = PREFIXES[self.contract]
        return [
            one
            for one in seen
            if method in (None, one["method"])
            and one["path"].endswith(path)
            and (at is None or is_at(self.contract, at, one["method"], one["path"].removeprefix(prefix)))
        ]

    def tasks(self, *, key: str | None = None, live: bool | None = None) -> list[dict[str, Any]]:
        """The tasks that clients created, the oldest first; see `world.Task`, with `is_live` and the `body` as sent.

        Args:
            key: Only those with this idempotency key.
            live: Only those that still run, or only those that do not.
        """
        tasks: list[dict[str, Any]] = self.ask("tasks")
        return [task for task in tasks if live in (None, task["is_live"]) and (key is None or carries(task, key))]

    def sessions(self, *, status: str | None = None) -> list[dict[str, Any]]:
        """The sessions: `id, status, keep_alive, files, browsers, workspace_id`."""
        sessions: list[dict[str, Any]] = self.ask("sessions")
        return [session for session in sessions if status in (None, session["status"])]

    def clear(self) -> None:
        """Forgets tasks, sessions, scripts, faults and requests."""
        self.ask("clear")

    def ask(self, command: str, arguments: dict[str, Any] | None = None) -> Any:
        """Runs a command of `Commands` where the fake is."""
        raise NotImplementedError


class Commands:
    """What `Control` asks for, done in the server's event loop."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._world = server.world

    async def do(self, command: str, arguments: dict[str, Any]) -> Any:
        """Runs one command; commands are the public names of `Control`."""
        await self._server.settle()
        result = getattr(self, f"_{command}")(**arguments)
        return await result if asyncio.iscoroutine(result) else result

    def _script(self, **fields: Any) -> None:
        self._world.scripts.add(Script(**fields))

    def _fault(self, **fields: Any) -> None:
        self._server.faults.add(Fault(**fields))

    async def _refuse(self, seconds: float | None) -> None:
        await self._server.refuse(seconds)
        if seconds is not None and self._world.real_time:
            asyncio.get_running_loop().call_later(seconds, lambda: asyncio.ensure_future(self._server.settle()))

    def _listen(self) -> Coroutine[Any, Any, None]:
        return self._server.listen()

    async def _advance(self, seconds: float) -> None:
        self._world.advance(seconds)
        await self._server.settle()

    def _time(self) -> float:
        return self._world.now

    def _limit(self, max_sessions: int | None, credits_usd: float, requests_a_second: int | None) -> None:
        self._world.max_sessions = max_sessions
        self._world.credits = credits_usd
        self._world.rate = requests_a_second

    def _forget_fields(self, names: list[str]) -> None:
        self._world.unknown_fields = frozenset(names)

    def _rescript(self, task_id: str, changes: dict[str, Any]) -> None:
        task = self._world.tasks[task_id]
        task.script = replace(task.script, **changes)

    def _show_live_at(self, live_url: str) -> None:
        self._world.live_urls = live_url

    def _show_recordings_at(self, recording_url: str) -> None:
        self._world.recording_urls = recording_url

    def _start_tasks(self, number: int, script: dict[str, Any]) -> list[str]:
        self._world.scripts.add(Script(**script))
        sessions = (self._world.create_session(keep_alive=False) for _ in range(number))
        return [self._world.create_task({"task": "x"}, "o3", session).id for session in sessions]

    def _add_others(self, number: int, status: str, odd: dict[str, Any] | None) -> None:
        self._world.add_others(number, status=status, odd=odd)

    def _end_task(self, task_id: str, status: str) -> None:
        self._world.end(self._world.tasks[task_id], status)

    def _stop_session(self, session_id: str) -> None:
        self._world.stop_session(self._world.sessions[session_id])

    def _forget_requests(self) -> None:
        self._server.requests.clear()

    def _requests(self) -> list[dict[str, Any]]:
        return self._server.seen()

    def _tasks(self) -> list[dict[str, Any]]:
        return [task.summary() for task in self._world.tasks.values() if task.ours]

    def _sessions(self) -> list[dict[str, Any]]:
        return [session.summary() for session in self._world.sessions.values()]

    async def _clear(self) -> None:
        self._world.clear()
        self._server.faults.clear()
        self._server.requests.clear()
        await self._server.listen()
