"""Under which key a task is created, so that a run that comes back finds it instead of paying again.

A key reads `FLOW_RUN:HASH`. It is the same whenever the same call of the same flow run is made again: in a retry of
the task, of the flow or of the flow around it, after a pause, and after the process was killed. So it is looked up as
a whole, and no two calls share one, in whichever processes they run.

    FLOW_RUN    the outermost flow run; of a task without one, its own task run
    HASH        an HMAC, keyed with the API key, of all that tells a call from others: the account, the way from the
                outermost flow to the call (`Place`), and what is asked, with secrets and the contents of files. Who
                reads it in a task's metadata learns nothing of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from prefect.context import FlowRunContext, TaskRunContext

from prefect_browser_use.ancestry import PREFECT_CLOCK_SKEW, ancestry_of, attempt_of
from prefect_browser_use.credentials import BrowserUseCredentials
from prefect_browser_use.fingerprints import fingerprint
from prefect_browser_use.places import Place


@dataclass(frozen=True)
class KeyedCall:
    """The call of a flow run, in one of its attempts.

    Attributes:
        scope: The outermost flow run; without a flow, the task run; in a script, something made up.
        path: From there to the call.
        attempt: Tells the attempts of the flow run from each other.
        since: When the outermost flow run, or else the task run, was first started, less `PREFECT_CLOCK_SKEW`.
        ran_before: Whether an earlier attempt may have started something.
        is_retry: Whether this attempt may have, in an earlier try of the task.
        is_certain: See `Place`.
        twins: The paths to the `twins` of the place.
    """

    scope: UUID
    path: tuple[str, ...]
    attempt: str
    since: datetime | None
    ran_before: bool
    is_retry: bool
    is_certain: bool
    twins: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, place: Place | None) -> KeyedCall:
        """Who calls. Asks Prefect once for all calls of a flow run in a process.

        Args:
            place: Where the call stands; None in a script.
        """
        task, flow = TaskRunContext.get(), FlowRunContext.get()
        flow_run = flow.flow_run if flow else None
        own = place.text if place else uuid4().hex
        # Where a worker is lost, Dask gives its task to another one, and no count says so.
        is_moved = bool(flow and flow.detached)
        is_retry = bool(is_moved or (place and place.is_retry) or (task and task.task_run.run_count > 1))
        is_certain = place is None or place.is_certain
        twins = place.twins if place else ()
        if flow_run is None:
            scope = (place and place.scope) or uuid4()
            return cls(
                scope=scope,
                path=(own,),
                attempt=str(scope),
                since=place.since - PREFECT_CLOCK_SKEW if place and place.since else None,
                ran_before=True,  # nobody counts how often a background task was started
                is_retry=is_retry,
                is_certain=is_certain,
                twins=tuple((twin,) for twin in twins),
            )
        ancestry = ancestry_of(flow_run)
        return cls(
            scope=ancestry.root,
            path=(*ancestry.path, own),
            attempt=attempt_of(flow_run),
            since=ancestry.since,
            ran_before=ancestry.ran_before,
            is_retry=is_retry,
            is_certain=is_certain,
            twins=tuple((*ancestry.path, twin) for twin in twins),
        )

    def key(self, block: BrowserUseCredentials, asked: Any) -> str:
        """The key of this call.

        Args:
            block: The account.
            asked: What is asked for.
        """
        return f"{self.scope}:{block.sign(fingerprint([self.path, asked]))[:32]}"

    def twin_keys(self, block: BrowserUseCredentials, asked: Any) -> list[str]:
        """The keys of calls that may have come in this one's place in another attempt."""
        return [replace(self, path=path).key(block, asked) for path in self.twins]
