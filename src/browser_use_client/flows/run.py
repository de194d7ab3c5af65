"""A task from its request to its end, and the session with it."""

from __future__ import annotations

from collections.abc import Callable

from browser_use_client.effects import Flow, Notify
from browser_use_client.errors import BrowserUseError, CutShortError, TaskUnreachableError
from browser_use_client.flows.create import Creation
from browser_use_client.flows.polls import named
from browser_use_client.flows.sessions import close_session, log, quietly, stop_at_once
from browser_use_client.flows.wait import wait
from browser_use_client.models import CreatedTask, Step, Task


def run(
    creation: Creation,
    *,
    timeout: float | None,
    poll_interval: float | None,
    on_created: Callable[[CreatedTask], object] | None,
    on_step: Callable[[Step], object] | None,
    on_live_url: Callable[[str], object] | None,
    stop_on_timeout: bool,
    stop_on_interrupt: bool,
    max_failures: int,
    require_same_browser: bool = False,
) -> Flow[Task]:
    """Creates a task and waits for it; its session is closed unless it is to be kept.

    The task belongs to this run: whatever ends the run from outside (Ctrl+C, a cancellation, an exception
    of a callback) stops the task first. Errors of the API leave it running, and say so.

    Args:
        creation: How it is created.
        timeout: Seconds from now until it has to have ended; None for no limit.
        poll_interval: Seconds between polls. Default: 0.5 at first, up to 5.
        on_created: Called once, as soon as the task exists.
        on_step: Called with each new step.
        on_live_url: Called once, with the session's live URL.
        stop_on_timeout: Whether a task that is late is stopped.
        stop_on_interrupt: Whether what ends the run from outside stops the task; otherwise the caller has to.
        max_failures: Polls in a row that may fail.
        require_same_browser: Whether a follow-up in another browser than that of the task before is stopped.

    Returns:
        The ended task, however it ended.
    """
    contract, clock = creation.contract, creation.clock
    deadline = clock() + timeout if timeout is not None else None
    created = yield from creation.create()
    try:
        try:
            if on_created:
                yield Notify(on_created, (created,))
            task = yield from wait(
                contract,
                created,
                deadline=deadline,
                poll_interval=poll_interval,
                on_step=on_step,
                on_live_url=on_live_url,
                stop_on_timeout=stop_on_timeout,
                require_same_browser=require_same_browser and creation.is_follow_up,
                max_failures=max_failures,
                clock=clock,
            )
        except CutShortError as error:
            if error.stopped:
                yield from _close(creation, created)
            raise
        except TaskUnreachableError as error:
            if error.ended:
                yield from _close(creation, created)
            raise
        yield from _close(creation, created)
    except (BrowserUseError, GeneratorExit):
        raise
    except BaseException:
        if stop_on_interrupt:
            yield from _stop_in_grace_period(creation, created)
        yield from creation.clean_up_in_grace_period(created)
        raise
    _tell_of_new_browser(creation, task)
    return task


def _tell_of_new_browser(creation: Creation, task: Task) -> None:
    if creation.is_follow_up and task.browser_reused is False:
        log.warning(
            "%s went on in a new browser, since that of its session was gone: what was open there, or logged in, it did"
            " not find. With `require_same_browser` it would have been stopped.",
            named(task),
        )


def _close(creation: Creation, created: CreatedTask) -> Flow[None]:
    """Cleans up after a task that has ended. Failing here must not lose the result that was paid for."""
    yield from quietly(creation.stop_duplicates(created), "A second task of the same key may run and cost.")
    if not creation.keep_session and not created.session_ends_with_task:
        yield from close_session(creation.contract, created.session_id)


def _stop_in_grace_period(creation: Creation, created: CreatedTask) -> Flow[None]:
    """The caller is being ended. One call stops the task, and its session unless that is to be kept."""
    yield from stop_at_once(creation.contract, created, with_session=not creation.keep_session)
    if creation.keep_session:
        log.warning("Session %s stays open, as it was asked to; stop it if nobody goes on in it.", created.session_id)
