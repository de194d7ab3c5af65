"""The options of a task's creation, of a wait and of a run, for both clients and for whoever passes them on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import TypedDict

from browser_use_client.flows.lookup import ReadLists
from browser_use_client.limits import Seconds
from browser_use_client.models import CreatedTask, Step, Task


class CreateOptions(TypedDict, total=False):
    """How a task is created.

    Attributes:
        key: Under which the task is created and found again. A call that comes back with the key of an earlier one,
            from any process, reattaches to its task. Default: a new key.
        session_id: The session to continue. Default: a new one.
        keep_session: Leave the session open for follow-ups. Default: no. Without it the session of `run_task` closes in
            every contract; that of `create_task` is closed by `v2-flat`, while `v2-nested` leaves it open until
            `stop_session`; that of `v4` loses its browser two minutes after the task, or when an earlier task asked.
        key_after: When the key was first used, at the earliest, by the caller's clock. Default: 7 days ago.
        key_is_new: Nobody can have used the key before: it is not looked for before the task is created. Default: no.
        wait_when_busy: How long to wait for a session that runs another task, for a browser profile that another task
            uses (`v2`), or for a plan that is full: seconds, or a timedelta. Default: not at all.
        accept: Whether a finished task under the key will do. Default: one that finished, unless its agent says that it
            failed.
        files: Files for the task, uploaded first: at most 10 MB each (`v2`), or 20 of 50 MiB (`v4`). Gone through only
            if a task is created: a caller that comes back needs them no more. Default: none.
        lists: Says how the lists of tasks stand as the key is looked up (see `read_task_lists`): where many tasks are
            created, one reading serves them all. Default: each look-up reads the lists.
    """

    key: str | None
    session_id: str | None
    keep_session: bool
    key_after: datetime | None
    key_is_new: bool
    wait_when_busy: Seconds
    accept: Callable[[Task], bool] | None
    files: Iterable[str | Path]
    lists: ReadLists | None


class WaitOptions(TypedDict, total=False):
    """How a task is waited for.

    Attributes:
        timeout: Seconds from now by which the task has to have ended, or a timedelta. Default: no limit.
        poll_interval: Seconds between polls, or a timedelta. Default: 0.5 at first, up to 5 for long tasks.
        on_step: Called with each step as it appears. Polls then read the whole task.
        on_live_url: Called once, with the URL at which the browser can be watched, as soon as the server shows it: that
            may be some time after the task was created, or never. Whoever has the URL can drive the browser.
        stop_on_timeout: Stop a task that is late; otherwise it is left running. Default: yes.
        require_same_browser: Stop a follow-up whose browser turns out to be a new one, since that of its session had
            closed: what was open there, or logged in, is gone (`v4`; in `v2` such a session takes no follow-up). Until
            that shows, polls read what happened as well. Default: no; `run_task` warns of it at the end, and it is in
            `Task.browser_reused`.
    """

    timeout: Seconds | None
    poll_interval: Seconds | None
    on_step: Callable[[Step], object] | None
    on_live_url: Callable[[str], object] | None
    stop_on_timeout: bool
    require_same_browser: bool


class AccountOptions(TypedDict, total=False):
    """What an account has to have before anything is paid for.

    Attributes:
        min_credits_usd: US dollars that have to be left. Default: 0.
        min_free_sessions: Sessions that have to be free, where the account says how many are (`v2-flat`). Default: 1.
        timeout: How long to wait for both: seconds, or a timedelta. Default: not at all.
        poll_interval: Seconds between polls, or a timedelta. Default: 30.
    """

    min_credits_usd: float
    min_free_sessions: int
    timeout: Seconds
    poll_interval: Seconds


class RunOptions(CreateOptions, WaitOptions, total=False):
    """How a task is created and waited for: all of `CreateOptions` and `WaitOptions`, and more.

    Attributes:
        on_created: Called once, as soon as the task exists.
        stop_on_interrupt: Stop a task whose wait is ended from outside; otherwise the caller has to. Default: yes.
        fail_on_unsuccessful: Raise if the task finished but its agent says that it did not succeed. Default: yes.
    """

    on_created: Callable[[CreatedTask], object] | None
    stop_on_interrupt: bool
    fail_on_unsuccessful: bool
