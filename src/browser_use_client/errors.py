"""One exception for each thing that can go wrong, by what it means, not by its status code.

`retryable` says whether trying the same again later can help. Every message says what became of the
remote task and what to do. All of them pickle: they cross processes in Airflow and Prefect.
"""

from __future__ import annotations


class BrowserUseError(Exception):
    """Everything that this client raises, but for what a caller's own callbacks raise.

    Attributes:
        retryable: Whether the same call can succeed later without a change.
        task_id: The task that it is about, if one exists.
        session_id: The session that it is about, if one exists.
    """

    retryable = False

    def __init__(self, message: str, *, task_id: str | None = None, session_id: str | None = None) -> None:
        super().__init__(message)
        self.task_id = task_id
        self.session_id = session_id


class InvalidRequestError(BrowserUseError, ValueError):
    """What was asked for makes no sense; nothing was sent."""


class UnsupportedOptionError(InvalidRequestError):
    """The contract in use cannot carry this option; nothing was sent."""


class ApiError(BrowserUseError):
    """The server answered, and the answer was no.

    Attributes:
        status_code: The HTTP status.
        retry_after: Seconds that the server asked to wait, if it did.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int | None = None,
        retry_after: float | None = None,
        task_id: str | None = None,
        session_id: str | None = None,
    ) -> None:
        super().__init__(message, task_id=task_id, session_id=session_id)
        self.status_code = status_code
        self.retry_after = retry_after


class BadRequestError(ApiError):
    """400, for a reason that has no class of its own."""


class SessionStoppedError(BadRequestError):
    """400: the session was stopped, so nothing can follow up in it."""


class SessionBusyError(BadRequestError):
    """400, or 409 in `v4`: the session already runs a task; it can take another one when that has ended."""

    retryable = True


class AuthenticationError(ApiError):
    """401 or 403: the API key is missing, wrong, or not allowed to do this."""


class ZeroDataRetentionError(AuthenticationError):
    """403: the project keeps no data (Zero Data Retention), and `v4` does not serve such projects."""


class InsufficientCreditsError(ApiError):
    """402: the account has no credits left for a new session."""


class SpendLimitReachedError(InsufficientCreditsError):
    """402: the API key's own monthly limit is reached, whatever the account has left."""


class NotFoundError(ApiError):
    """404: the task, session, profile or file does not exist, or belongs to another account."""


class RejectedRequestError(ApiError):
    """422: the server does not accept what the request says."""


class RateLimitedError(ApiError):
    """429: too many requests, or too many sessions at once for the plan."""

    retryable = True


class ServerError(ApiError):
    """5xx, 408, 409 or 425: the server cannot answer now; what it has done all the same is unknown."""

    retryable = True


class UnexpectedResponseError(ApiError):
    """What answered is not this API, such as a proxy's page."""


class FileUrlExpiredError(ApiError):
    """The store of files does not take a presigned URL any more; the same call asks for a new one."""

    retryable = True


class NetworkError(BrowserUseError):
    """No answer came: what became of the request is unknown."""

    retryable = True


class ConnectError(NetworkError):
    """No connection could be made: the request was certainly not seen by the server."""


class CertificateError(ConnectError):
    """The certificate of the server, or of a proxy in between, is not signed by anyone who is trusted."""

    retryable = False


class ProxyRefusedError(ConnectError):
    """The proxy does not let the request through, such as 407 for want of a password."""

    retryable = False


class LocalFileError(BrowserUseError):
    """A file on this machine cannot be read or written: no space, no permission, no such folder."""

    retryable = True


class CreationUnknownError(BrowserUseError):
    """It cannot be told whether a task was created. Coming back with the same key settles it, and never pays twice.

    Attributes:
        key: The key that the task would carry.
    """

    retryable = True

    def __init__(
        self, message: str, *, key: str = "", task_id: str | None = None, session_id: str | None = None
    ) -> None:
        super().__init__(message, task_id=task_id, session_id=session_id)
        self.key = key


class TaskError(BrowserUseError):
    """A task that exists did not do what it was run for."""


class TaskFailedError(TaskError):
    """The task failed, or its agent says that it did not succeed."""


class TaskStoppedError(TaskError):
    """Somebody stopped the task."""


class CutShortError(TaskError):
    """The task was not let run to its end.

    Attributes:
        stopped: True if it was stopped, or had just ended; False if it may still run and cost.
    """

    def __init__(
        self,
        message: str,
        *,
        stopped: bool = False,
        task_id: str | None = None,
        session_id: str | None = None,
    ) -> None:
        super().__init__(message, task_id=task_id, session_id=session_id)
        self.stopped = stopped


class TaskTimeoutError(CutShortError):
    """The task did not end in time."""


class CostLimitReachedError(CutShortError):
    """The task has cost more than its `max_cost_usd`."""


class BrowserNotReusedError(CutShortError):
    """A follow-up had to go on in the browser of its session, and that was gone (`v4`)."""


class TaskUnreachableError(TaskError):
    """The server did not say how the task stands, many times in a row. It may still run, and still cost.

    Attributes:
        ended: True if it is known that it has ended, and only its result could not be read.
    """

    retryable = True

    def __init__(
        self,
        message: str,
        *,
        ended: bool = False,
        task_id: str | None = None,
        session_id: str | None = None,
    ) -> None:
        super().__init__(message, task_id=task_id, session_id=session_id)
        self.ended = ended


class SessionMismatchError(TaskError):
    """A follow-up landed in another session than the one that it was for; that task was stopped."""


class OutputSchemaError(TaskError):
    """A task's output does not fit the schema that it was asked for.

    Attributes:
        raw: The output as it came, None if there was none.
    """

    def __init__(
        self,
        message: str,
        *,
        raw: str | None = None,
        task_id: str | None = None,
        session_id: str | None = None,
    ) -> None:
        super().__init__(message, task_id=task_id, session_id=session_id)
        self.raw = raw
