"""From an answer that is an error to the exception that it stands for, in one readable sentence and a remedy."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from http.client import PROXY_AUTHENTICATION_REQUIRED, responses
from typing import Any

from browser_use_client.errors import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    BrowserUseError,
    FileUrlExpiredError,
    InsufficientCreditsError,
    NotFoundError,
    ProxyRefusedError,
    RateLimitedError,
    RejectedRequestError,
    ServerError,
    SessionBusyError,
    SessionStoppedError,
    SpendLimitReachedError,
    UnexpectedResponseError,
    ZeroDataRetentionError,
)

MAX_MESSAGE_CHARACTERS = 500
"""Characters of a server's words that an error repeats."""

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
_EXPIRED = {401, 403, 404, 410}

_REMEDIES: dict[type[ApiError], str] = {
    AuthenticationError: "Check the API key: it is sent as X-Browser-Use-API-Key and starts with bu_.",
    InsufficientCreditsError: "Nothing was started. Add credits to the account, then run it again.",
    SpendLimitReachedError: "Nothing was started. Raise the monthly limit of this API key, or wait for the next month.",
    ZeroDataRetentionError: "Use a project without it, or v2: `api_version` and the base URL.",
    NotFoundError: "Check the id, and that it belongs to this API key's account and server.",
    SessionStoppedError: "Start a new session: the task before must keep it open for follow-ups.",
    SessionBusyError: "Wait until its task has ended, or stop that task.",
    RateLimitedError: "Stop sessions that are no longer needed, wait, or run fewer at once.",
    ServerError: "Try again later.",
}
_PROXY_REMEDY = "Put its user name and password into the proxy's URL, `proxy` or HTTPS_PROXY: http://NAME:PASSWORD@proxy.example:3128."

_SPEND_LIMIT = "api_key_monthly_spend_limit_reached"
_MESSAGES = ("message", "msg", "detail", "error_description", "error", "errors", "title", "reason")
_DETAILS = ("code", "cap", "spent", "limit")
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-")
_PAGE = re.compile(r"\s*<(!doctype|!--|html|head|body|\?xml)", re.IGNORECASE)
_PLACE = re.compile(r"\bbody\.([\w.]+)")
_QUOTED_OR_CAMEL = re.compile(r"(?<=[`'\"])[a-z]+(?=[`'\"])|\b[a-z]+(?:[A-Z][a-z]+)+\b")
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)


def error_from_response(
    what: str,
    status_code: int,
    body: Any,
    retry_after: float | None,
    meaning: Callable[[int, str], type[ApiError] | None],
    options: Mapping[str, str] = {},
) -> BrowserUseError:
    """The error that an answer of the API stands for.

    Args:
        what: What was asked, such as `POST /tasks`.
        status_code: The HTTP status, 400 or more.
        body: The decoded JSON body, or the text of one that is not JSON.
        retry_after: Seconds, from the header.
        meaning: What the contract says that such an answer stands for.
        options: See `Call`.
    """
    if status_code == PROXY_AUTHENTICATION_REQUIRED:
        return refused_by_proxy(what, "407 Proxy Authentication Required")
    words = words_of(body)
    kind = ServerError if status_code >= 500 else _BY_STATUS.get(status_code, ApiError)
    if kind not in (ServerError, RateLimitedError) and isinstance(body, str) and _PAGE.match(body):
        return UnexpectedResponseError(
            f"{_answered(what, status_code, words)} That is a web page, not an answer of the Browser Use API. It"
            " may come from a proxy or a firewall in between, or from another server. Check the base URL, and what the"
            " page says.",
            status_code=status_code,
            retry_after=retry_after,
        )
    if kind is InsufficientCreditsError and _SPEND_LIMIT in words:
        kind = SpendLimitReachedError
    kind = meaning(status_code, words) or kind
    remedy = _REMEDIES.get(kind)
    if kind is NotFoundError and not _ID.search(what):
        remedy = "Check the base URL, and the ids in the request."
    refused = _refused_options(words, options) if kind is RejectedRequestError else None
    sentences = [_answered(what, status_code, words), *filter(None, [remedy, refused])]
    return kind(" ".join(sentences), status_code=status_code, retry_after=retry_after)


def error_from_store(what: str, status_code: int, body: str, retry_after: float | None) -> BrowserUseError:
    """The error that an answer of a store of files stands for, which knows no API key, ids or credits.

    Args:
        what: What was done, such as `The upload of orders.csv`.
        status_code: The HTTP status, 400 or more.
        body: What it says.
        retry_after: Seconds, from the header.
    """
    if status_code == PROXY_AUTHENTICATION_REQUIRED:
        return refused_by_proxy(what, "407 Proxy Authentication Required")
    answered = _answered(what, status_code, "")
    if status_code in _EXPIRED or (status_code == 400 and "expired" in body.lower()):
        return FileUrlExpiredError(
            f"{answered} The presigned URL has expired, or the file is gone. Try again: that asks for a new URL.",
            status_code=status_code,
        )
    kind = ServerError if status_code >= 500 else _BY_STATUS.get(status_code, ApiError)
    kind = kind if kind in (ServerError, RateLimitedError) else ApiError
    remedy = " Try again later." if kind is not ApiError else ""
    return kind(f"{answered}{remedy}", status_code=status_code, retry_after=retry_after)


def _refused_options(words: str, options: Mapping[str, str]) -> str | None:
    """Which options a refusal is about: it names their fields by place, in quotes, or as no other word is written."""
    places = [place.split(".") for place in _PLACE.findall(words)]
    named = [next((name for name in reversed(place) if name in options), "") for place in places]
    named += [name for name in _QUOTED_OR_CAMEL.findall(_PLACE.sub("", words)) if name in options]
    asked = dict.fromkeys(f"`{name}` comes from the option `{options[name]}`" for name in named if name)
    return f"{'; '.join(asked)}: leave it out, change it, or use a server that takes it." if asked else None


def refused_by_proxy(what: str, answer: str) -> ProxyRefusedError:
    """The error of a proxy that does not let a request through.

    Args:
        what: What was asked.
        answer: The proxy's status and reason.
    """
    remedy = _PROXY_REMEDY if answer.startswith("407") else "Ask whoever runs the proxy to let it through."
    return ProxyRefusedError(f"{what} was refused by the proxy with {answer}; the server did not see it. {remedy}")


def words_of(said: Any) -> str:
    """What a body of any shape says, in words; nothing if there are none that are known to be words.

    Of a validation error only where and what: never the input, it may be a secret.
    """
    words = " ".join("; ".join(_phrases(said, depth=6)).split())
    return words if len(words) <= MAX_MESSAGE_CHARACTERS else f"{words[:MAX_MESSAGE_CHARACTERS]} ..."


def _phrases(said: Any, *, depth: int) -> Iterator[str]:
    if isinstance(said, str) and said.strip():
        yield _page_title(said) if _PAGE.match(said) else said.strip()
    elif isinstance(said, list) and depth:
        for item in said:
            yield from _phrases(item, depth=depth - 1)
    elif isinstance(said, Mapping) and depth:
        yield from _phrases_of_object(said, depth)


def _phrases_of_object(said: Mapping[str, Any], depth: int) -> Iterator[str]:
    candidates = ("; ".join(_phrases(said.get(name), depth=depth - 1)) for name in _MESSAGES)
    words = next(filter(None, candidates), "")
    place = ".".join(map(str, loc)) if isinstance(loc := said.get("loc"), list) else ""
    details = [f"{name}: {said[name]}" for name in _DETAILS if isinstance(said.get(name), (str, int, float))]
    about = f"({', '.join(details)})" if details else ""
    if phrase := " ".join(filter(None, [words.rstrip(".") if about else words, about])):
        yield f"{place}: {phrase}" if place else phrase
    elif place:
        yield f"{place} is not valid"


def _page_title(page: str) -> str:
    title = _TITLE.search(page)
    return f"the page {title[1].strip()!r}" if title else ""


def _answered(what: str, status_code: int, words: str) -> str:
    answered = f"{what} was answered with {status_code}"
    if not words:
        phrase = responses.get(status_code)
        return f"{answered} ({phrase})." if phrase else f"{answered}."
    return f"{answered}: {words}" if words.endswith(("!", "?")) else f"{answered}: {words.rstrip('. ')}."
