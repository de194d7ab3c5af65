"""Secrets come as references only: what is written into a DAG file stands in the database in plain text."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.defaults import DEFAULT_NAMESPACE
from pydantic import SecretStr

from airflow_browser_use.arguments import mapping_from
from airflow_browser_use.compat import KNOWN_CONTEXT_KEYS, mask_secret
from browser_use_client import InvalidRequestError

LOOK_UPS = frozenset({"conn", "var", "macros"})
"""What of a template's context reads what Airflow encrypts, or calls what a plugin brings."""

_IN_PLAIN_TEXT = (
    "XComs stand in Airflow's database in plain text: write templates that read a connection or variable into the DAG"
    ' file, such as {"password": "{{ conn.shop.password }}"}.'
)

_HOLDS_NOTHING = "is empty: the connection or variable that it refers to holds nothing there."
_CHANGE_IT = "What stood there is stored by now: change the secret itself too."


def refuse_literals(secrets: Any) -> None:
    """Check `secrets` as they are written in a DAG file.

    Each has to be a reference: one expression `{{ ... }}` that begins at `conn`, `var`, `macros` or a macro of the DAG
    and goes on from there by attributes, keys, calls and filters, with no text that could be the secret. A function
    that Airflow calls to render the field is one too.

    Args:
        secrets: Name and template of each, or one template that gives a mapping.

    Raises:
        InvalidRequestError: Something else. Says what to write instead, and never the value.
    """
    if secrets is None or callable(secrets):
        return
    if is_resolved_later(secrets):
        raise InvalidRequestError(f"`secrets` is an XCom. {_IN_PLAIN_TEXT}")
    if isinstance(secrets, str):
        _refuse("`secrets`", secrets, "{{ conn.shop.extra_dejson }}")
        return
    if not isinstance(secrets, Mapping):
        raise InvalidRequestError(f"`secrets` has to be a mapping of names to templates, not {type(secrets).__name__}.")
    for name, value in secrets.items():
        _refuse(f"`secrets[{name!r}]`", value, f"{{{{ conn.shop.{name} }}}}")


def is_resolved_later(value: Any) -> bool:
    """Whether Airflow puts something else in the place of a value: an `XComArg`, what a group is mapped over."""
    return hasattr(value, "resolve") and not isinstance(value, PathLike)


def _refuse(what: str, value: Any, instead: str) -> None:
    if not (isinstance(value, str) and _is_reference(value)):
        raise InvalidRequestError(
            f"{what} is not a reference to a connection or variable alone, so its text would stand in Airflow's"
            f' database in plain text. Write "{instead}", or another template of `conn`, `var` or a macro.'
        )


def _is_reference(template: str) -> bool:
    try:
        body = Environment().parse(template.strip()).body  # noqa: S701 - nothing is rendered
    except TemplateSyntaxError:
        return False
    match body:
        case [nodes.Output(nodes=[expression])]:
            return _refers(expression)
    return False


def _refers(node: nodes.Node) -> bool:
    """Whether an expression is a path that begins at what looks secrets up. What it is told to look up may be text."""
    match node:
        case nodes.Name(name=name):
            return name in LOOK_UPS or _is_macro(name)
        case nodes.Getattr(node=inner) | nodes.Getitem(node=inner):
            return _refers(inner)
        case nodes.Filter(node=nodes.Expr() as inner, args=[], kwargs=[], dyn_args=None, dyn_kwargs=None):
            return _refers(inner)  # the argument of a filter could be the secret: `default('...')`
        case nodes.Call(node=inner):
            return _refers(inner) and (_calls_macro(inner) or _looks_up_one_name(node))
    return False


def _is_macro(name: str) -> bool:
    return name not in KNOWN_CONTEXT_KEYS and name not in DEFAULT_NAMESPACE


def _calls_macro(node: nodes.Node) -> bool:
    while not isinstance(node, nodes.Name):
        node = node.node  # type: ignore[attr-defined] # each kind that `_refers` goes through has one
    return node.name == "macros" or _is_macro(node.name)


def _looks_up_one_name(call: nodes.Call) -> bool:
    """`get_uri()` or `get("shop")`: a second argument would be what stands in for the secret."""
    is_get = isinstance(call.node, nodes.Getattr) and call.node.attr == "get"
    return len(call.args) <= is_get and not (call.kwargs or call.dyn_args or call.dyn_kwargs)


class Secrets:
    """Secrets of an operator, which Airflow renders but cannot show.

    Before 3.2 the rendered fields of a task are masked only once the worker has sent them, and logged, as they are.

    Args:
        written: As the user wrote them.
    """

    template_fields = ("values",)

    def __init__(self, written: Any) -> None:
        self.written = written
        self._templates = self.values = _without_spaces(written)

    def reveal(self) -> dict[str, SecretStr]:
        """The rendered values, for the request; they are kept out of the log from here on.

        Raises:
            InvalidRequestError: They are not written as references, or came out of an XCom, or one of them is empty.
        """
        if self.values is self._templates:  # what comes out of an XCom is not rendered
            raise InvalidRequestError(f"`secrets` came out of an XCom. {_IN_PLAIN_TEXT} {_CHANGE_IT}")
        try:
            refuse_literals(self.written)
        except InvalidRequestError as error:
            raise InvalidRequestError(f"{error} {_CHANGE_IT}") from None
        values = mapping_from("secrets", self.values)
        if not values:
            raise InvalidRequestError(f"`secrets` {_HOLDS_NOTHING}")
        for name, value in values.items():
            if value is None or value == "":
                raise InvalidRequestError(f"`secrets[{name!r}]` {_HOLDS_NOTHING}")
            mask_secret(str(value))
        return {name: SecretStr(str(value)) for name, value in values.items()}

    def __repr__(self) -> str:
        return repr(dict.fromkeys(self.written, "***")) if isinstance(self.written, Mapping) else "***"


def _without_spaces(written: Any) -> Any:
    """Spaces around a template would be part of the secret."""
    if isinstance(written, str):
        return written.strip()
    if isinstance(written, Mapping):
        return {name: _without_spaces(template) for name, template in written.items()}
    return written
