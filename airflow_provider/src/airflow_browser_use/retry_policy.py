"""When Airflow retries a task whose server said how long to wait (Airflow 3.3 and newer)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import RetryDecision, RetryPolicy

from browser_use_client import ApiError

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class RetryAfterPolicy(RetryPolicy):
    """Retry after the seconds of the server's `Retry-After`, where it sent one; else as the task says."""

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,  # noqa: ARG002 - Airflow's signature
        max_tries: int,  # noqa: ARG002
        context: Context | None = None,  # noqa: ARG002
    ) -> RetryDecision:
        """Decide after a failure; what cannot be mended does not come here, since `AirflowFailException` does not."""
        if isinstance(exception, ApiError) and exception.retry_after:
            delay = timedelta(seconds=exception.retry_after)
            return RetryDecision.retry(delay=delay, reason=f"The server asked to wait {exception.retry_after:.0f} s.")
        return RetryDecision.default()
