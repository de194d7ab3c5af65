"""Whether an account can pay for a task and run it, before anything is created."""

from __future__ import annotations

from browser_use_client.effects import Flow, Sleep
from browser_use_client.errors import BrowserUseError, InsufficientCreditsError, RateLimitedError
from browser_use_client.models import Account
from browser_use_client.server import Server


def check_account(
    server: Server, *, min_credits_usd: float, min_free_sessions: int, timeout: float, poll_interval: float
) -> Flow[Account]:
    """Reads the account until it has enough.

    Args:
        server: The server.
        min_credits_usd: US dollars that have to be left.
        min_free_sessions: Sessions that the plan has to have room for, where the account says how many.
        timeout: Seconds to wait for both.
        poll_interval: Seconds between polls.

    Raises:
        InsufficientCreditsError: There are too few credits.
        RateLimitedError: There are too few free sessions.
    """
    deadline = server.clock() + timeout
    while True:
        account = yield from server.read(lambda contract: contract.get_account())
        lacking = _lacking(account, min_credits_usd, min_free_sessions)
        if lacking is None:
            return account
        if (left := deadline - server.clock()) <= 0:
            raise lacking
        yield Sleep(min(poll_interval, left), lacking)


def _lacking(account: Account, min_credits_usd: float, min_free_sessions: int) -> BrowserUseError | None:
    if account.credits_usd < min_credits_usd:
        return InsufficientCreditsError(
            f"The account has {account.credits_usd:.2f} US dollars of credits left, and {min_credits_usd:.2f} are asked"
            " for. Nothing was created. Add credits, or ask for less."
        )
    if account.free_sessions is not None and account.free_sessions < min_free_sessions:
        return RateLimitedError(
            f"{account.active_sessions} of the plan's {account.max_sessions} sessions are active, and"
            f" {min_free_sessions} free ones are asked for. Nothing was created. Wait for one to end, or stop one:"
            " `list_sessions(status='active')` names them."
        )
    return None
