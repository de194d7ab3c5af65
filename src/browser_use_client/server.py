"""The server of a client: what it speaks, and asking it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from browser_use_client.contracts import ApiVersion, Capability, Contract
from browser_use_client.effects import Call, Clock, Flow, call
from browser_use_client.flows.contract import contract_of
from browser_use_client.models import Page
from browser_use_client.retrying import retried
from browser_use_client.server_clock import ServerClock

T = TypeVar("T")


@dataclass(frozen=True)
class Server:
    """The server of one client.

    Attributes:
        base_url: Where its API is.
        api_version: What it speaks, or `auto`.
        clock: The time now, here.
        server_clock: What time it is there.
    """

    base_url: str
    api_version: ApiVersion
    clock: Clock
    server_clock: ServerClock

    def contract(self) -> Flow[Contract]:
        """What it speaks."""
        return contract_of(self.base_url, self.api_version)

    def read(self, ask: Callable[[Contract], Call[T] | Flow[T]], *, known: bool = False) -> Flow[T]:
        """What can be asked again without harm, about something that may be known to exist."""
        contract = yield from self.contract()
        return (yield from retried(ask(contract), known=known))

    def name(self) -> Flow[str]:
        """How what it speaks is called."""
        contract = yield from self.contract()
        return contract.name

    def lacks(self, capability: Capability) -> Flow[bool]:
        """Whether what it speaks has no place for something."""
        contract = yield from self.contract()
        return capability in contract.remedies

    def page(self, ask: Callable[[Contract, str | None], Call[Page[T]]], cursor: str | None) -> Flow[Page[T]]:
        """The page of a list at a cursor; the first one without."""
        return self.read(lambda contract: ask(contract, cursor))

    def once(self, ask: Callable[[Contract], Call[T]]) -> Flow[T]:
        """One call that is not repeated, since a second one could make a second thing."""
        contract = yield from self.contract()
        return (yield from call(ask(contract)))
