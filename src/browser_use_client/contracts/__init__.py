"""The published contracts of the API, each a pure module: a request in our words to a call, an answer to a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from browser_use_client.contracts._contract import Capability as Capability
from browser_use_client.contracts._contract import Contract as Contract
from browser_use_client.contracts.v2_flat import V2Flat
from browser_use_client.contracts.v2_nested import V2Nested
from browser_use_client.contracts.v4 import V4

ApiVersion = Literal["auto", "v2-nested", "v2-flat", "v4"]
"""`auto` goes by the base URL: /v4 is `v4`; at /v2 the server is asked once which revision it speaks."""

V2_NESTED, V2_FLAT = V2Nested(), V2Flat()

CONTRACTS: Mapping[str, Contract] = {contract.name: contract for contract in (V2_NESTED, V2_FLAT, V4())}
