"""What a caller asks for, checked, and with its defaults."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from browser_use_client.effects import Flow
from browser_use_client.errors import InvalidRequestError
from browser_use_client.flows.create import Creation
from browser_use_client.flows.lookup import LOOK_BACK, ReadLists, ago
from browser_use_client.json_text import ODD_CHARACTERS
from browser_use_client.limits import EARLIEST, LATEST, Seconds, seconds_of, time_of
from browser_use_client.models import BrowserSettings, CreateTaskRequest, Task
from browser_use_client.server import Server


def creation_of(
    server: Server,
    request: CreateTaskRequest | str,
    *,
    key: str | None = None,
    session_id: str | None = None,
    keep_session: bool = False,
    key_after: datetime | None = None,
    key_is_new: bool = False,
    wait_when_busy: Seconds | None = 0.0,
    accept: Callable[[Task], bool] | None = None,
    files: Iterable[str | Path] | None = (),
    lists: ReadLists | None = None,
) -> Flow[Creation]:
    """The creation of a task, with nothing sent yet but the question what the server speaks."""
    room = 0.0 if wait_when_busy is None else seconds_of("wait_when_busy", wait_when_busy, may_be_zero=True)
    if key is not None:
        check_key(key)
    asked = _in_session(checked_request(request), session_id)
    contract = yield from server.contract()
    return Creation(
        contract=contract,
        request=asked,
        key=key or uuid4().hex,
        returning=key is not None and not key_is_new,
        after=since("key_after", key_after) or ago(server.clock, LOOK_BACK if key else timedelta()),
        keep_session=keep_session,
        wait_when_busy=room,
        accept=accept or succeeded,
        files=files or (),
        clock=server.clock,
        lists=lists,
        server_clock=server.server_clock,
    )


def succeeded(task: Task) -> bool:
    """Whether a task finished and its agent does not say that it failed."""
    return task.has_succeeded


def check_key(key: Any) -> None:
    """An idempotency key comes back as it was sent, or the task would never be found again.

    Raises:
        InvalidRequestError: It is empty, blank, or holds what no server keeps.
    """
    if not isinstance(key, str) or not key.strip() or ODD_CHARACTERS.search(key):
        raise InvalidRequestError(
            "The idempotency key `key` must be text that is not blank, with no NUL and no lone surrogate in it."
        )


def keys_of(keys: Any) -> tuple[str, ...]:
    """One idempotency key, or several.

    Raises:
        InvalidRequestError: One of them cannot be a key, or it is something else.
    """
    if not isinstance(keys, str) and not isinstance(keys, Collection):
        raise InvalidRequestError(f"`keys` is an idempotency key or a collection of them, not {type(keys).__name__}.")
    wanted = (keys,) if isinstance(keys, str) else tuple(keys)
    for key in wanted:
        check_key(key)
    return wanted


def since(name: str, moment: datetime | None) -> datetime | None:
    """Since when to look, kept where a clock that is wrong can be allowed for: nothing is older, or as young."""
    return None if moment is None else min(max(time_of(name, moment), EARLIEST), LATEST)


def checked_request(request: Any) -> CreateTaskRequest:
    """What to do: a request, or one made of a prompt.

    Raises:
        InvalidRequestError: It is neither.
    """
    if isinstance(request, str):
        return CreateTaskRequest(task=request)
    if not isinstance(request, CreateTaskRequest):
        raise InvalidRequestError(f"What to do is a prompt or a CreateTaskRequest, not {type(request).__name__}.")
    return request


def _in_session(request: CreateTaskRequest, session_id: str | None) -> CreateTaskRequest:
    if session_id is None:
        return request
    named = request.browser_settings.session_id
    if named not in (None, session_id):
        raise InvalidRequestError(
            f"The request names session {named} and the call names session {session_id}. Name one."
        )
    fields = request.browser_settings.model_dump(exclude_unset=True) | {"session_id": session_id}
    return request.model_copy(update={"browser_settings": BrowserSettings(**fields)})
