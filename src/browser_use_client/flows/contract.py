"""Which contract a server speaks: asked once per process and base URL."""

from __future__ import annotations

from browser_use_client.contracts import CONTRACTS, ApiVersion, Contract, v2_flat, v2_nested
from browser_use_client.effects import Flow
from browser_use_client.errors import NotFoundError
from browser_use_client.retrying import retried

_spoken: dict[str, Contract] = {}


def contract_of(base_url: str, api_version: ApiVersion) -> Flow[Contract]:
    """The contract to use: the one that was named, or what the server answers to GET /billing/account.

    Only `v2-flat` has that address.
    """
    if api_version != "auto":
        return CONTRACTS[api_version]
    if base_url not in _spoken:
        try:
            yield from retried(v2_flat.get_account())
        except NotFoundError:
            _spoken[base_url] = v2_nested
        else:
            _spoken[base_url] = v2_flat
    return _spoken[base_url]
