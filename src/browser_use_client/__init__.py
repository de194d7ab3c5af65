"""Run Browser Use tasks exactly once, wait for them, and follow up in the same browser session.

with BrowserUseClient() as client:
    first = client.run_task("Log in to ...", keep_session=True)
    then = client.run_task("Now open the newest order", session_id=first.session_id)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from browser_use_client.async_client import AsyncBrowserUseClient
    from browser_use_client.client import BrowserUseClient
    from browser_use_client.contracts import ApiVersion
    from browser_use_client.contracts._files import MAX_FILE_SIZE, content_type_of
    from browser_use_client.errors import (
        ApiError,
        AuthenticationError,
        BadRequestError,
        BrowserUseError,
        CertificateError,
        ConnectError,
        CostLimitReachedError,
        CreationUnknownError,
        FileUrlExpiredError,
        InsufficientCreditsError,
        InvalidRequestError,
        LocalFileError,
        NetworkError,
        NotFoundError,
        OutputSchemaError,
        ProxyRefusedError,
        RateLimitedError,
        RejectedRequestError,
        ServerError,
        SessionBusyError,
        SessionMismatchError,
        SessionStoppedError,
        SpendLimitReachedError,
        TaskError,
        TaskFailedError,
        TaskStoppedError,
        TaskTimeoutError,
        TaskUnreachableError,
        UnexpectedResponseError,
        UnsupportedOptionError,
        ZeroDataRetentionError,
    )
    from browser_use_client.limits import seconds_of
    from browser_use_client.models import (
        Account,
        AgentProfile,
        AgentSettings,
        BrowserProfile,
        BrowserSettings,
        CreatedTask,
        CreateTaskRequest,
        CustomProxy,
        OutputFile,
        Session,
        SessionCost,
        Share,
        Step,
        Task,
        TaskState,
    )
    from browser_use_client.options import AccountOptions, CreateOptions, RunOptions, WaitOptions
    from browser_use_client.schema import OutputSchema
    from browser_use_client.traffic import Traffic
    from browser_use_client.watcher import TaskWatcher
    from browser_use_client.webhooks import WebhookError, WebhookEvent, verify_webhook

_MODULES = {
    "async_client": ("AsyncBrowserUseClient",),
    "client": ("BrowserUseClient",),
    "contracts": ("ApiVersion",),
    "errors": (
        "ApiError",
        "AuthenticationError",
        "BadRequestError",
        "BrowserUseError",
        "CertificateError",
        "ConnectError",
        "CostLimitReachedError",
        "CreationUnknownError",
        "FileUrlExpiredError",
        "InsufficientCreditsError",
        "InvalidRequestError",
        "LocalFileError",
        "NetworkError",
        "NotFoundError",
        "OutputSchemaError",
        "ProxyRefusedError",
        "RateLimitedError",
        "RejectedRequestError",
        "ServerError",
        "SessionBusyError",
        "SessionMismatchError",
        "SessionStoppedError",
        "SpendLimitReachedError",
        "TaskError",
        "TaskFailedError",
        "TaskStoppedError",
        "TaskTimeoutError",
        "TaskUnreachableError",
        "UnexpectedResponseError",
        "UnsupportedOptionError",
        "ZeroDataRetentionError",
    ),
    "contracts._files": ("MAX_FILE_SIZE", "content_type_of"),
    "limits": ("seconds_of",),
    "models": (
        "Account",
        "AgentProfile",
        "AgentSettings",
        "BrowserProfile",
        "BrowserSettings",
        "CreateTaskRequest",
        "CreatedTask",
        "CustomProxy",
        "OutputFile",
        "Session",
        "SessionCost",
        "Share",
        "Step",
        "Task",
        "TaskState",
    ),
    "options": ("AccountOptions", "CreateOptions", "RunOptions", "WaitOptions"),
    "schema": ("OutputSchema",),
    "traffic": ("Traffic",),
    "watcher": ("TaskWatcher",),
    "webhooks": ("WebhookError", "WebhookEvent", "verify_webhook"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "MAX_FILE_SIZE",
    "Account",
    "AccountOptions",
    "AgentProfile",
    "AgentSettings",
    "ApiError",
    "ApiVersion",
    "AsyncBrowserUseClient",
    "AuthenticationError",
    "BadRequestError",
    "BrowserProfile",
    "BrowserSettings",
    "BrowserUseClient",
    "BrowserUseError",
    "CertificateError",
    "ConnectError",
    "CostLimitReachedError",
    "CreateOptions",
    "CreateTaskRequest",
    "CreatedTask",
    "CreationUnknownError",
    "CustomProxy",
    "FileUrlExpiredError",
    "InsufficientCreditsError",
    "InvalidRequestError",
    "LocalFileError",
    "NetworkError",
    "NotFoundError",
    "OutputFile",
    "OutputSchema",
    "OutputSchemaError",
    "ProxyRefusedError",
    "RateLimitedError",
    "RejectedRequestError",
    "RunOptions",
    "ServerError",
    "Session",
    "SessionBusyError",
    "SessionCost",
    "SessionMismatchError",
    "SessionStoppedError",
    "Share",
    "SpendLimitReachedError",
    "Step",
    "Task",
    "TaskError",
    "TaskFailedError",
    "TaskState",
    "TaskStoppedError",
    "TaskTimeoutError",
    "TaskUnreachableError",
    "TaskWatcher",
    "Traffic",
    "UnexpectedResponseError",
    "UnsupportedOptionError",
    "WaitOptions",
    "WebhookError",
    "WebhookEvent",
    "ZeroDataRetentionError",
    "content_type_of",
    "seconds_of",
    "verify_webhook",
]


def __getattr__(name: str) -> Any:
    """Imports what is asked for when it is asked for: pydantic alone takes longer to load than most DAGs to parse."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
