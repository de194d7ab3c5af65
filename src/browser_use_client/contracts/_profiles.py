"""Profiles are read, listed, made and deleted alike in every contract; only where and with which fields differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from browser_use_client.contracts._pages import numbered_page
from browser_use_client.contracts._refusing import unsupported, uuid_of
from browser_use_client.effects import Call
from browser_use_client.models import Page, Profile

P = TypeVar("P", bound=Profile)

_SERVER_SETS = ("id", "created_at", "updated_at", "cookie_domains")


@dataclass(frozen=True)
class Profiles(Generic[P]):
    """One kind of profile in one contract.

    Attributes:
        contract: The contract's name.
        path: Where the profiles are.
        model: What they are here.
        names: Our name of each field that the contract has, to the wire's.
    """

    contract: str
    path: str
    model: type[P]
    names: Mapping[str, str]

    def list(self, cursor: str | None = None) -> Call[Page[P]]:
        """A page of them; the first one without a cursor."""
        return numbered_page(self.path, self._profile, cursor)

    def get(self, profile_id: str) -> Call[P]:
        """One profile."""
        return Call("GET", f"{self.path}/{uuid_of('profile_id', profile_id)}", self._profile)

    def create(self, profile: P) -> Call[P]:
        """Makes one; what the server sets itself is not sent."""
        fields = {name: value for name, value in profile if value is not None and name not in _SERVER_SETS}
        for name in fields.keys() - self.names.keys():
            raise unsupported(
                f"`{name}` of a {self.model.__name__} cannot be sent",
                self.contract,
                "Leave it out, or see the model's documentation for where it is set.",
            )
        return Call("POST", self.path, self._profile, json={self.names[name]: fields[name] for name in fields})

    def keeping_cookies(self, name: str) -> P:
        """One to be made, of this name, that keeps cookies and storage between sessions."""
        fields: dict[str, Any] = {"name": name, "persist": True}
        return self.model(**{field: value for field, value in fields.items() if field in self.names})

    def delete(self, profile_id: str) -> Call[None]:
        """Deletes one."""
        return Call("DELETE", f"{self.path}/{uuid_of('profile_id', profile_id)}", lambda _: None)

    def _profile(self, body: Mapping[str, Any]) -> P:
        known = {"id": "id", "created_at": "createdAt", "updated_at": "updatedAt", **self.names}
        return self.model(**{name: body[wire] for name, wire in known.items() if body.get(wire) is not None})
