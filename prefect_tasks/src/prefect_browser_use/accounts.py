"""The account behind the credentials, checked before anything is paid for, as Prefect tasks."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from browser_use_client import Account
from prefect_browser_use.flow_runs import FlowRunWatch
from prefect_browser_use.inputs import Credentials, load_credentials
from prefect_browser_use.task_type import browser_use_task


@browser_use_task("check-account")
def check_account(
    *,
    credentials: Credentials = None,
    min_credits_usd: float = 0.0,
    min_free_sessions: int = 1,
    timeout: float | timedelta = 0.0,
) -> Account:
    """See that the account has enough credits and free sessions, or wait for them, before anything is paid for.

    A snapshot, no reservation: a task that starts in between takes what was free.

    Args:
        credentials: A block, the name of a saved one, or None for the environment's.
        min_credits_usd: US dollars that have to be left.
        min_free_sessions: Sessions that have to be free, where the account says how many are (`v2-flat`).
        timeout: Seconds to wait for both, or a timedelta.

    Returns:
        The account: `credits_usd`, `free_sessions` (None if it does not say) and more.

    Raises:
        InsufficientCreditsError: It has too few credits. A retry of this task is not made: it would find the same.
        RateLimitedError: It has too few free sessions.
        FlowRunEndedError: The flow run was cancelled meanwhile.
    """
    with load_credentials(credentials).get_client(sleep=FlowRunWatch().sleep) as client:
        return client.check_account(
            min_credits_usd=min_credits_usd, min_free_sessions=min_free_sessions, timeout=timeout
        )


@browser_use_task("acheck-account")
async def acheck_account(
    *,
    credentials: Credentials = None,
    min_credits_usd: float = 0.0,
    min_free_sessions: int = 1,
    timeout: float | timedelta = 0.0,
) -> Account:
    """As `check_account`, for asyncio."""
    block = await asyncio.to_thread(load_credentials, credentials)
    async with block.get_async_client(sleep=FlowRunWatch().asleep) as client:
        return await client.check_account(
            min_credits_usd=min_credits_usd, min_free_sessions=min_free_sessions, timeout=timeout
        )
