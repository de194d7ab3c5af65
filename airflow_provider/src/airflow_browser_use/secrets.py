"""Secrets come as templates only: what is written into a DAG file stands in the database in plain text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from airflow_browser_use.compat import mask_secret
from browser_use_client import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

_TEMPLATE = re.compile(r"\{\{.+\}\}", re.DOTALL)
_STORED_IN_PLAIN_TEXT = re.compile(r"\b(xcom_pull|params|dag_run)\b")


def refuse_literals(secrets: Mapping[str, Any] | None) -> None:
    """Check `secrets` while the DAG is parsed.

    Raises:
        InvalidRequestError: A value is no template, or one that reads what Airflow stores in plain text. Says what
            to write instead, and never the value.
    """
    for name, value in (secrets or {}).items():
        instead = (
            f'Write a template that reads a connection or variable, such as "{{{{ conn.shop.{name} }}}}" or'
            f' "{{{{ var.value.{name} }}}}".'
        )
        if not (isinstance(value, str) and _TEMPLATE.search(value)):
            raise InvalidRequestError(
                f"`secrets[{name!r}]` is no template, so its value would stand in Airflow's database. {instead}"
            )
        if _STORED_IN_PLAIN_TEXT.search(value):
            raise InvalidRequestError(
                f"`secrets[{name!r}]` reads an XCom, a parameter or the run's configuration, which stand in Airflow's"
                f" database. {instead}"
            )


class Secrets:
    """Secrets of an operator, which Airflow renders but cannot show.

    Before 3.2 the rendered fields of a task are masked only once the worker has sent them, and logged, as they are.

    Args:
        templates: Name and template of each.

    Raises:
        InvalidRequestError: See `refuse_literals`.
    """

    template_fields = ("values",)

    def __init__(self, templates: Mapping[str, str]) -> None:
        refuse_literals(templates)
        self.values = dict(templates)

    def reveal(self) -> dict[str, SecretStr]:
        """The rendered values, for the request; they are kept out of the log from here on."""
        for value in self.values.values():
            mask_secret(value)
        return {name: SecretStr(value) for name, value in self.values.items()}

    def __repr__(self) -> str:
        return repr(dict.fromkeys(self.values, "***"))
