"""The queues of v4 sessions: messages that become runs, one after the other."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from browser_use_local.conversations import Conversations, Turn
from browser_use_local.engine import TaskRequest
from browser_use_local.profiles import ProfileNotFoundError
from browser_use_local.records import Conversation, Message
from browser_use_local.sessions import TooManySessionsError
from browser_use_local.store import Store
from browser_use_local.tasks import SessionBusyError, Tasks

logger = logging.getLogger(__name__)

CAPACITY = 20


class QueueFullError(Exception):
    """As many messages as may wait do so already."""


class Queues:
    """Takes messages for sessions, and makes runs of them.

    Args:
        store: Where messages are written down.
        conversations: What starts runs.
        tasks: What cancels them.
    """

    def __init__(self, store: Store, conversations: Conversations, tasks: Tasks) -> None:
        self._store = store
        self._conversations = conversations
        self._tasks = tasks

    async def send(
        self, conversation: Conversation, text: str, attached: Sequence[str] | None, *, interrupt: bool, once: bool
    ) -> Message:
        """Takes a message. Where no run is active, it is one at once.

        Args:
            conversation: The session.
            text: The task.
            attached: The ids of files to attach.
            interrupt: Cancel the run that is active, and go on with this message before all that wait.
            once: Where the same message waits already, that one is the answer.

        Raises:
            QueueFullError: Too many wait.
        """
        waiting = self.pending(conversation.id)
        same = next((one for one in waiting if (one.text, one.attached_file_ids) == (text, attached)), None)
        if once and same:
            return same
        if len(waiting) >= CAPACITY:
            raise QueueFullError
        newest = self._store.select(Message, {}, order="id DESC", limit=1)
        message = Message(
            id=newest[0].id + 1 if newest else 1,
            conversation_id=conversation.id,
            mode="interrupt" if interrupt else "queue",
            text=text,
            attached_file_ids=list(attached) if attached is not None else None,
        )
        self._store.add(message)
        latest = self._conversations.latest(conversation)
        if interrupt and latest:
            await self._tasks.stop(latest.id)
        self._go_on(conversation.id)
        return self._store.get(Message, id=message.id) or message

    def pending(self, conversation_id: str) -> list[Message]:
        """The messages that wait, in the order in which they will run."""
        where = {"conversation_id": conversation_id, "status": "pending"}
        return self._store.select(Message, where, order="mode = 'queue', id")

    def remove(self, message: Message) -> bool:
        """Takes a message back. Returns whether it still waited."""
        if message.status != "pending":
            return False
        self._store.change(Message, {"id": message.id}, status="cancelled")
        return True

    def go_on(self) -> None:
        """Makes runs of the messages whose turn it is."""
        for conversation_id in {
            message.conversation_id for message in self._store.select(Message, {"status": "pending"})
        }:
            self._go_on(conversation_id)

    def _go_on(self, conversation_id: str) -> None:
        """Makes a run of the next message of a session, if none is active and there is room for its browser."""
        conversation = self._store.get(Conversation, id=conversation_id)
        latest = self._conversations.latest(conversation) if conversation else None
        for message in self.pending(conversation_id):
            request = TaskRequest(revision="v4", task=message.text, llm=latest.llm if latest else "", keep_session=True)
            turn = Turn(request=request, conversation_id=conversation_id, attached_file_ids=message.attached_file_ids)
            try:
                task = self._conversations.start(turn)
            except (SessionBusyError, TooManySessionsError):
                return
            except ProfileNotFoundError as error:
                logger.warning("message %d of session %s cannot be run: %s", message.id, conversation_id, error)
                self._store.change(Message, {"id": message.id}, status="failed")
                continue
            self._store.change(Message, {"id": message.id}, status="consumed", run_id=task.id)
            return
