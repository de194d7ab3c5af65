"""One exception for each thing that can go wrong, by what it means, not by its status code.

`retryable` says whether trying the same again later can help. Every message says what became of the
remote task and what to do. All of them pickle: they cross processes in Airflow and Prefect.
"""

from __future__ import annotations

from typing import Any


class BrowserUseError(Exception):
    """Everything that this client raises.

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
    """400: the session already runs a task; it can take another one when that has ended."""

    retryable = True


class AuthenticationError(ApiError):
    """401 or 403: the API key is missing, wrong, or not allowed to do this."""


class InsufficientCreditsError(ApiError):
    """402: the account has no credits left for a new session."""


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
    """The server answered with something that is not this API, such as a proxy's page."""


class NetworkError(BrowserUseError):
    """No answer came: what became of the request is unknown."""

    retryable = True


class ConnectError(NetworkError):
    """No connection could be made: the request was certainly not seen by the server."""


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


class TaskTimeoutError(TaskError):
    """The task did not end in time.

    Attributes:
        stopped: True if it was stopped for that; False if it still runs and still costs.
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
    """A follow-up landed in another session than the one that it was for; the stray task was stopped."""


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


_BY_STATUS: dict[int, type[ApiError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    402: InsufficientCreditsError,
    403: AuthenticationError,
    404: NotFoundError,
    408: ServerError,
    409: ServerError,
    422: RejectedRequestError,
    425: ServerError,
    429: RateLimitedError,
}

_REMEDIES: dict[type[ApiError], str] = {
    AuthenticationError: "Check the API key: it is sent as X-Browser-Use-API-Key and starts with bu_.",
    InsufficientCreditsError: "Nothing was started. Add credits to the account, then run it again.",
    NotFoundError: "Check the id, and that it belongs to this API key's account and server.",
    SessionStoppedError: "Start a new session: the task before must keep it open for follow-ups.",
    SessionBusyError: "Wait until its task has ended, or stop that task.",
    RateLimitedError: "Stop sessions that are no longer needed, wait, or run fewer at once.",
    ServerError: "Try again later.",
}


def error_from_response(what: str, status_code: int, body: Any, retry_after: float | None) -> ApiError:
    """The error that an answer stands for.

    Args:
        what: What was asked, such as `POST /tasks`.
        status_code: The HTTP status, 400 or more.
        body: The decoded JSON body, or None if it was no JSON.
        retry_after: Seconds, from the header.
    """
    detail = _detail(body)
    kind = ServerError if status_code >= 500 else _BY_STATUS.get(status_code, ApiError)
    if kind is BadRequestError:
        if "running task" in detail:
            kind = SessionBusyError
        elif "stopped" in detail:
            kind = SessionStoppedError
    parts = [f"{what} was answered with {status_code}" + (f": {detail.rstrip('.')}." if detail else ".")]
    if kind in _REMEDIES:
        parts.append(_REMEDIES[kind])
    return kind(" ".join(parts), status_code=status_code, retry_after=retry_after)


def _detail(body: Any) -> str:
    """The server's own words. Of a validation error only where and what: never the input, it may be a secret."""
    if not isinstance(body, dict):
        return ""
    detail = [body] if "loc" in body else body.get("detail")
    if isinstance(detail, dict):
        detail = [detail]
    if isinstance(detail, list):
        return "; ".join(_problem(problem) for problem in detail if isinstance(problem, dict))
    return detail if isinstance(detail, str) else ""


def _problem(problem: Any) -> str:
    loc = problem.get("loc")
    place = ".".join(str(part) for part in loc) if isinstance(loc, list) else ""
    return f"{place}: {problem.get('msg', '')}"
