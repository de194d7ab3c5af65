"""The secrets of v4: each is bound to the hosts on whose pages the server may type it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from browser_use_client.errors import InvalidRequestError, UnsupportedOptionError
from browser_use_client.models import CreateTaskRequest

MAX_SECRETS = 20
MAX_HOSTS = 20
MAX_SECRET_BYTES = 4_096
"""Bytes."""

_LABEL = "[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.IGNORECASE)
_NAMED_HOST = re.compile(rf"(?:{_LABEL}\.)+[a-z][a-z0-9-]*[a-z0-9]|\d+(?:\.\d+){{3}}", re.IGNORECASE)
"""A host name that no secret has by accident: one with a top-level domain, or an address."""


def secret_bindings(request: CreateTaskRequest) -> list[dict[str, Any]] | None:
    """The secrets of a request as POST /runs takes them; None if there are none.

    Raises:
        UnsupportedOptionError: A secret says nowhere for which hosts it is.
        InvalidRequestError: A host is not a bare host name, or there are too many, or a secret is empty or too long.
    """
    _check_names(request)
    if len(request.secrets) > MAX_SECRETS:
        raise InvalidRequestError(f"The task has {len(request.secrets)} secrets; v4 takes at most {MAX_SECRETS}.")
    return [
        {
            "alias": name,
            "source": {"type": "inline", "value": _checked_value(name, secret.get_secret_value())},
            "allowedDomains": _hosts_of(name, request.secret_domains),
        }
        for name, secret in request.secrets.items()
    ] or None


def vault_domains(request: CreateTaskRequest) -> list[str] | None:
    """The hosts for all secrets of a vault; None for the websites of each."""
    domains = request.secret_domains
    if request.op_vault_id is None or domains is None or isinstance(domains, Mapping):
        return None
    return [_checked_host(host) for host in domains]


def _hosts_of(name: str, domains: Sequence[str] | Mapping[str, Sequence[str]] | None) -> list[str]:
    hosts = domains.get(name) if isinstance(domains, Mapping) else domains
    if not hosts and _NAMED_HOST.fullmatch(name):
        hosts = (name,)
    if not hosts:
        raise UnsupportedOptionError(
            f"The secret {name!r} cannot be sent: v4 types a secret only into pages of hosts that the request names."
            f' Name them in `secret_domains`: ["shop.example.com"] for all secrets, or {{{name!r}: [...]}} for each.'
        )
    if len(hosts) > MAX_HOSTS:
        raise InvalidRequestError(f"The secret {name!r} is for {len(hosts)} hosts; v4 takes at most {MAX_HOSTS}.")
    return [_checked_host(host) for host in hosts]


def _checked_host(host: str) -> str:
    if not _HOST.fullmatch(host):
        raise InvalidRequestError(
            f"`secret_domains` has {host!r}, which is not a bare host name. Write it like `shop.example.com`, without"
            " scheme, port, path and `*`; it stands for its subdomains too."
        )
    return host.lower()


def _checked_value(name: str, value: str) -> str:
    if not 0 < len(value.encode(errors="replace")) <= MAX_SECRET_BYTES:
        raise InvalidRequestError(f"The secret {name!r} must have 1 to {MAX_SECRET_BYTES:,} bytes.")
    return value


def _check_names(request: CreateTaskRequest) -> None:
    if isinstance(request.secret_domains, Mapping):
        for name in request.secret_domains.keys() - request.secrets.keys():
            raise InvalidRequestError(
                f"`secret_domains` names {name!r}, and there is no such secret: the request has"
                f" {', '.join(map(repr, request.secrets)) or 'none'}."
            )
