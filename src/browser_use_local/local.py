"""The parts of a running server."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass

from browser_use_local.agent import AgentEngine, Environment, Model
from browser_use_local.chromium import check
from browser_use_local.conversations import Conversations
from browser_use_local.driver import Driver
from browser_use_local.engine import Engine
from browser_use_local.files import Files
from browser_use_local.profiles import Profiles
from browser_use_local.queues import Queues
from browser_use_local.records import Conversation, File, Message, Session, Step, Task
from browser_use_local.script import ScriptEngine
from browser_use_local.sessions import Sessions
from browser_use_local.settings import Settings
from browser_use_local.store import Store
from browser_use_local.tasks import Tasks
from browser_use_local.webhooks import Webhooks
from browser_use_local.workspaces import Workspaces

logger = logging.getLogger(__name__)

HOUSEKEEPING_SECONDS = 1.0
DIED = "The local server died while this task ran. Its steps so far are kept; its session is stopped."


@dataclass(frozen=True)
class Local:
    """All that requests work with."""

    settings: Settings
    store: Store
    sessions: Sessions
    tasks: Tasks
    files: Files
    profiles: Profiles
    workspaces: Workspaces
    conversations: Conversations
    queues: Queues

    @classmethod
    @contextlib.asynccontextmanager
    async def running(cls, settings: Settings) -> AsyncIterator[Local]:
        """Starts the parts, tidies up after a crash, and at the end closes all browsers.

        Raises:
            NoChromiumError: There is no Chromium to start.
            ModelError: The agent's model cannot be used.
            NoPythonError: This Python is too old for the agent.
            NewerDatabaseError: The database was written by a newer version.
        """
        engine = _engine(settings)
        store = Store(settings.data_dir / "local.sqlite3")
        driver = Driver()
        try:
            check(await driver.playwright(), settings.chromium)
            async with Webhooks(settings, store).delivering() as webhooks:
                for task in store.end_what_a_crash_left(DIED):
                    webhooks.tell(task)
                profiles = Profiles(settings.data_dir / "profiles", store)
                sessions = Sessions(settings, store, profiles, driver)
                files = Files(settings.data_dir / "files", store)
                tasks = Tasks(settings, store, sessions, files, profiles, engine, webhooks.tell)
                workspaces = Workspaces(settings.data_dir / "workspaces", store)
                files.on_output = workspaces.promote
                conversations = Conversations(store, sessions, tasks, workspaces)
                queues = Queues(store, conversations, tasks)
                here = cls(settings, store, sessions, tasks, files, profiles, workspaces, conversations, queues)
                housekeeping = asyncio.create_task(here.look_after())
                try:
                    yield here
                finally:
                    housekeeping.cancel()
                    tasks.close()
                    await sessions.close()
        finally:
            await driver.stop()
            store.close()

    async def look_after(self) -> None:
        """Does what has to be done from time to time, until it is cancelled."""
        while True:
            await asyncio.sleep(HOUSEKEEPING_SECONDS)
            try:
                self.store.write_ends()
                await self.sessions.check()
                await self.sessions.stop_idle()
                self.workspaces.forget_announced()
                self.queues.go_on()
            except Exception:
                logger.exception("the server could not look after its sessions, and tries again")

    def steps(self, task: Task) -> list[Step]:
        """The steps of a task, in order."""
        return self.store.select(Step, {"task_id": task.id}, order="number")

    def files_of(self, task: Task) -> list[File]:
        """The files that a task got and gave, in order."""
        return self.store.select(File, {"task_id": task.id}, order="created_at")

    async def delete_session(self, session_id: str) -> None:
        """Deletes a session, its tasks and all their files."""
        await self.tasks.stop_session(session_id)
        self.files.delete_of_session(session_id)
        for task in self.store.select(Task, {"session_id": session_id}):
            shutil.rmtree(self.settings.data_dir / "tasks" / task.id, ignore_errors=True)
        self.store.delete(Session, id=session_id)

    async def delete_conversation(self, conversation_id: str) -> None:
        """Deletes a v4 session with its queue, its runs and its browsers."""
        self.store.delete(Message, conversation_id=conversation_id)
        for browser in self.store.select(Session, {"conversation_id": conversation_id}):
            await self.delete_session(browser.id)
        self.store.delete(Conversation, id=conversation_id)


def _engine(settings: Settings) -> Engine:
    if settings.engine == "script":
        return ScriptEngine()
    model = Model.of(settings.model)
    # The agent's process works in a folder of its own.
    data_dir = settings.data_dir.absolute()
    environment = Environment(data_dir / "agent", settings.agent_python)
    return AgentEngine(model, model.keys(os.environ), environment, data_dir / "browsers")
