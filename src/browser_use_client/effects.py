"""What a flow can ask for: an API call, a file to be moved, a pause, or telling the caller something.

A flow is a generator that yields these and receives what came of them: the parsed answer of a call, or
the `BrowserUseError` that it ended in, thrown in at the `yield`. It does no I/O and reads no clock of its
own, so it runs the same under both drivers of `client`, and in tests with no network and no waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from browser_use_client.errors import ApiError, BrowserUseError
from browser_use_client.models import UploadSlot

T = TypeVar("T")


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request to the API.

    Attributes:
        method: The HTTP method.
        path: Below the base URL, such as `/tasks`.
        parse: Makes the result of the decoded JSON body (None where there is no body).
        params: The query; None values are left out.
        json: The body. Never shown: it may carry secrets.
        timeout: Seconds, at most; None for the client's own.
        meaning: What a refusal stands for, by its status code and words, where that is special to the contract.
        version: The version of the API that it is sent to, such as `v2`, if that is beside the one in the base URL.
        options: The server's name of each field of the body, to the option that it comes from: for refusals of one.
    """

    method: str
    path: str
    parse: Callable[[Any], T] = field(repr=False)
    params: Mapping[str, Any] = field(default_factory=dict)
    json: Any = field(default=None, repr=False)
    timeout: float | None = None
    meaning: Callable[[int, str], type[ApiError] | None] = field(default=lambda _status_code, _words: None, repr=False)
    version: str | None = None
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        """The request line, which is how errors name the call."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Together:
    """Several requests at once. What comes back is a list: of each the parsed answer, or its `BrowserUseError`."""

    calls: tuple[Call[Any], ...]


@dataclass(frozen=True)
class Upload:
    """Sends a file to the URL that the API named, without the API key."""

    slot: UploadSlot = field(repr=False)
    path: Path
    content_type: str

    def __str__(self) -> str:
        """How errors name it; the URL is a secret for as long as it is valid."""
        return f"The upload of {self.path.name}"


@dataclass(frozen=True)
class Download:
    """Fetches a file from the URL that the API named, without the API key, piece by piece."""

    url: str = field(repr=False)
    path: Path

    def __str__(self) -> str:
        """How errors name it; the URL is a secret for as long as it is valid."""
        return f"The download of {self.path.name}"


@dataclass(frozen=True)
class Sleep:
    """A pause of some seconds.

    Attributes:
        seconds: How long.
        because: What the server answered, or that it did not, where the pause is to let that pass.
    """

    seconds: float
    because: BrowserUseError | None = None


@dataclass(frozen=True)
class Notify:
    """Calls back, with what happened if anything did; an async driver awaits what the callback returns."""

    callback: Callable[..., Any]
    arguments: tuple[Any, ...] = ()


Effect = Call[Any] | Together | Upload | Download | Sleep | Notify
Flow = Generator[Effect, Any, T]
Clock = Callable[[], float]
"""Seconds since the epoch. Deadlines are wall-clock: a wait may go on in another process."""


def call(request: Call[T]) -> Flow[T]:
    """Yields one request with the type of its result."""
    result: T = yield request
    return result


def each(flow: Flow[T], perform: Callable[[Effect], Flow[Any]]) -> Flow[T]:
    """Runs a flow, with all that it asks for done in another way.

    Args:
        flow: The flow.
        perform: Does one thing.
    """
    try:
        effect = next(flow)
        while True:
            try:
                result = yield from perform(effect)
            except BaseException as error:  # noqa: BLE001 - the flow decides what each error means
                effect = flow.throw(error)
            else:
                effect = flow.send(result)
    except StopIteration as end:
        result_of_flow: T = end.value
        return result_of_flow


def within(seconds: float | None, flow: Flow[T]) -> Flow[T]:
    """Runs a flow of which no request may take longer than that; None for the client's own limit."""

    def perform(effect: Effect) -> Flow[Any]:
        return (yield replace(effect, timeout=seconds) if isinstance(effect, Call) else effect)

    return flow if seconds is None else each(flow, perform)
