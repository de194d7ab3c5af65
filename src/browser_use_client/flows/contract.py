"""Which contract a server speaks: asked once per process and base URL, also where many want to know at once."""

from __future__ import annotations

from browser_use_client.contracts import CONTRACTS, V2_FLAT, V2_NESTED, ApiVersion, Contract
from browser_use_client.effects import Flow, Sleep
from browser_use_client.errors import NotFoundError
from browser_use_client.retrying import retried

ANSWER_POLL_SECONDS = 0.05
"""Seconds between two polls for the answer that somebody else is waiting for."""

ANSWER_TIMEOUT_SECONDS = 10.0
"""Seconds after which it is asked for once more: the other one may have a server that hangs, or a longer time-out."""

_spoken: dict[str, Contract] = {}
_asking: dict[str, object] = {}


def contract_of(base_url: str, api_version: ApiVersion) -> Flow[Contract]:
    """The contract to use: the one that was named, or what the server answers to GET /billing/account.

    Only `v2-flat` has that path. Of many flows that ask at the same time, in threads or event loops, one does; the
    others wait for its answer. If it gets none, as with a wrong key, each of them asks for itself.
    """
    if api_version != "auto":
        return CONTRACTS[api_version]
    if base_url not in _spoken:
        asker = _asking.setdefault(base_url, me := object())
        if asker is me:
            try:
                yield from _ask(base_url)
            finally:
                del _asking[base_url]
        else:
            yield from _wait_for(asker, base_url)
            yield from _ask(base_url)
    return _spoken[base_url]


def _ask(base_url: str) -> Flow[None]:
    if base_url in _spoken:  # in the meantime
        return
    try:
        yield from retried(V2_FLAT.get_account())
    except NotFoundError:
        _spoken[base_url] = V2_NESTED
    else:
        _spoken[base_url] = V2_FLAT


def _wait_for(asker: object, base_url: str) -> Flow[None]:
    for _ in range(round(ANSWER_TIMEOUT_SECONDS / ANSWER_POLL_SECONDS)):
        if _asking.get(base_url) is not asker:
            return
        yield Sleep(ANSWER_POLL_SECONDS)
