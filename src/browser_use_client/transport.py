"""From a call to HTTP and back: all that the two drivers share."""

from __future__ import annotations

import ssl
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager, suppress
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, BinaryIO, TypeVar
from uuid import uuid4

import httpx

from browser_use_client.base_url import beside
from browser_use_client.effects import Call, Download, Upload
from browser_use_client.errors import (
    CertificateError,
    ConnectError,
    InvalidRequestError,
    LocalFileError,
    NetworkError,
    UnexpectedResponseError,
)
from browser_use_client.json_text import read_answer
from browser_use_client.refusals import error_from_response, error_from_store, refused_by_proxy
from browser_use_client.settings import CONNECT_TIMEOUT_SECONDS, Settings

T = TypeVar("T")
E = TypeVar("E", bound=BaseException)


def request_of(call: Call[Any], settings: Settings) -> httpx.Request:
    """The request of a call."""
    timeout = settings.timeout
    if call.timeout is not None:
        limit = min(call.timeout, timeout.read or call.timeout)
        timeout = httpx.Timeout(limit, connect=min(limit, CONNECT_TIMEOUT_SECONDS))
    return httpx.Request(
        call.method,
        f"{settings.base_url if call.version is None else beside(settings.base_url, call.version)}{call.path}",
        params={name: value for name, value in call.params.items() if value is not None} or None,
        headers=settings.headers,
        json=call.json,
        extensions={"timeout": timeout.as_dict()},
    )


def result_of(call: Call[T], response: httpx.Response) -> T:
    """The parsed answer.

    Raises:
        ApiError: The answer was an error, or not this API's.
    """
    status = response.status_code
    try:
        body = read_answer(response.content) if response.content else None
    except ValueError:
        if status < 300:
            raise _not_of_this_api(call, response) from None
        body = response.text
    if status >= 400:
        raise error_from_response(str(call), status, body, _retry_after(response.headers), call.meaning, call.options)
    if status >= 300:
        raise _not_of_this_api(call, response)
    try:
        return call.parse(body)
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise _not_of_this_api(call, response) from error


def _not_of_this_api(call: Call[Any], response: httpx.Response) -> UnexpectedResponseError:
    server = response.url.copy_with(path="/", query=None)
    leads = ""
    if response.has_redirect_location:
        with suppress(httpx.InvalidURL):
            leads = f" It leads to {response.url.join(response.headers['Location']).copy_with(query=None)}."
    return UnexpectedResponseError(
        f"{call} was answered with {response.status_code} and something that is not the Browser Use API's.{leads}"
        f" Check that {server} is the right server.",
        status_code=response.status_code,
    )


def check_file_response(effect: Upload | Download, response: httpx.Response) -> None:
    """Raises what an answer of the file store, which was read, means if it is an error."""
    if response.is_error:
        raise error_from_store(str(effect), response.status_code, response.text, _retry_after(response.headers))


PIECE_BYTES = 64 * 1024
"""Bytes that an upload reads at a time."""


def upload_options(effect: Upload, content: BinaryIO) -> dict[str, Any]:
    """What httpx is told of an upload: a form with the file, or the file alone, whose length its headers name."""
    slot = effect.slot
    options = {"method": slot.method, "url": slot.url, "headers": dict(slot.headers)}
    if slot.fields is None:
        return options | {"content": iter(lambda: content.read(PIECE_BYTES), b"")}
    file = (effect.path.name, content, effect.content_type)
    return options | {"data": dict(slot.fields), "files": {"file": file}}


def async_upload_options(effect: Upload, content: BinaryIO) -> dict[str, Any]:
    """What httpx is told of an upload in an event loop, where a body must come asynchronously."""
    options = upload_options(effect, content)
    if "content" in options:
        options["content"] = _asynchronously(options["content"])
    return options


async def _asynchronously(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write to that appears under its name only when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{uuid4().hex}.part")  # the file's own name may be as long as names can be
    try:
        with partial.open("wb") as file:
            yield file
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


NO_ANSWER = (httpx.HTTPError, httpx.InvalidURL, UnicodeError, OSError)
"""What httpx and file systems raise where there is no answer."""


def error_of(effect: Call[Any] | Upload | Download, base_url: str, error: Exception) -> BaseException:
    """What it means that there is no answer."""
    if isinstance(error, OSError):
        if error.errno is None or isinstance(effect, Call):  # somebody ends this thread with a `TimeoutError`
            return error
        return LocalFileError(f"{effect} failed on this machine: {error}.")
    where = base_url if isinstance(effect, Call) else "the store of files"
    why = str(error) or type(error).__name__
    if isinstance(error, httpx.ProxyError):
        if why.startswith("4"):
            return refused_by_proxy(str(effect), why)
        return ConnectError(
            f"The proxy did not lead to {where} for {effect}: {why}. The server did not see the request."
        )
    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)):
        if certificate := _cause(error, ssl.SSLCertVerificationError):
            return _not_trusted(effect, where, certificate)
        remedy = "Check that it runs, and the URL."
        if "WRONG_VERSION_NUMBER" in why:
            remedy = "It does not speak TLS: is it http://?"
        return ConnectError(
            f"No connection to {where} for {effect}: {why}. The server did not see the request. {remedy}"
        )
    if isinstance(error, (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError)):
        if isinstance(effect, Call):
            return InvalidRequestError(f"{effect} cannot be sent to {where}: {type(error).__name__}: {why}.")
        return UnexpectedResponseError(f"{effect} is not possible: the server named a URL that is not valid.")
    return NetworkError(f"{effect} at {where} got no answer: {why}. The server may have acted on it all the same.")


def _not_trusted(effect: object, where: str, certificate: ssl.SSLCertVerificationError) -> CertificateError:
    return CertificateError(
        f"The certificate of {where} is not trusted: {certificate.verify_message}. The server did not see {effect}."
        " Where a company's network signs certificates itself, name its CA bundle with `verify`, or with SSL_CERT_FILE"
        " in the environment (REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE are not read)."
    )


def _cause(error: BaseException, kind: type[E]) -> E | None:
    """The error of a kind that led to another one."""
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, kind):
        seen = seen.__cause__ or seen.__context__
    return seen


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds; the header holds either these or a date."""
    value = headers.get("Retry-After")
    if value is None:
        return None
    try:
        seconds = float(value) if value.strip().isdecimal() else parsedate_to_datetime(value).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
    return max(seconds, 0.0)
