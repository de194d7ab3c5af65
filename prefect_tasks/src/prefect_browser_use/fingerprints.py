"""Arguments as bytes that are equal exactly where the arguments are, in every process.

They hold secrets in clear, so they are only ever hashed: by `Place` for what stays in memory, and by `KeyedCall.key`,
with the API key, for what is sent.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import singledispatch
from pathlib import PurePath
from typing import Any, get_origin
from uuid import UUID, uuid4

from prefect.blocks.system import Secret
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture
from prefect.utilities.annotations import BaseAnnotation
from pydantic import BaseModel, SecretBytes, SecretStr

from browser_use_client import Session
from prefect_browser_use.results import BrowserTaskResult


def fingerprint(value: Any) -> bytes:
    """A value as bytes, with its secrets; a future of another task run is as good as any other.

    What cannot be compared equals nothing, not even itself.
    """
    return known_fingerprint(value) or uuid4().bytes


def known_fingerprint(value: Any) -> bytes | None:
    """As `fingerprint`; None for what cannot be compared, such as an object of a class of the user's own."""
    try:
        return _text(value).encode()
    except (_UnknownError, RecursionError):
        return None


class _UnknownError(Exception):
    """A value is none of the kinds that can be compared."""


def _text(value: Any) -> str:
    return json.dumps(_plain(value))


def _tagged(value: Any, content: Any) -> list[Any]:
    return [type(value).__qualname__, content]


@singledispatch
def _plain(value: Any) -> Any:
    """A value as JSON."""
    if get_origin(value) is not None:
        return _tagged(value, repr(value))
    if is_dataclass(value):
        return _tagged(value, [[field.name, _plain(getattr(value, field.name))] for field in fields(value)])
    raise _UnknownError


@_plain.register(type(None))
@_plain.register(int)
@_plain.register(float)
@_plain.register(str)
def _of_plain_value(value: Any) -> Any:
    return value


@_plain.register
def _of_bytes(value: bytes) -> Any:
    return _tagged(value, value.hex())


@_plain.register(list)
@_plain.register(tuple)
def _of_list(value: Iterable[Any]) -> Any:
    return [_plain(item) for item in value]


@_plain.register
def _of_set(value: AbstractSet) -> Any:  # type: ignore[type-arg] # singledispatch takes no other
    return _tagged(value, sorted(_text(item) for item in value))


@_plain.register
def _of_mapping(value: Mapping) -> Any:  # type: ignore[type-arg] # singledispatch takes no other
    if BrowserTaskResult.model_fields.keys() <= value.keys():
        return ["BrowserTaskResult", value["task_id"]]  # as a parameter of a flow
    return _tagged(value, sorted([_text(key), _text(item)] for key, item in value.items()))


@_plain.register(PurePath)
@_plain.register(UUID)
@_plain.register(Decimal)
@_plain.register(date)
@_plain.register(time)
@_plain.register(timedelta)
@_plain.register(Enum)
def _of_scalar(value: Any) -> Any:
    return _tagged(value, str(value))


@_plain.register
def _of_type(value: type) -> Any:
    return _tagged(value, repr(value))


@_plain.register(SecretStr)
@_plain.register(SecretBytes)
def _of_secret(value: Any) -> Any:
    return _tagged(value, _plain(value.get_secret_value()))


@_plain.register(Secret)
def _of_secret_block(value: Any) -> Any:
    return _tagged(value, _plain(value.get()))


@_plain.register
def _of_model(value: BaseModel) -> Any:
    # A field that is set may say something else than the same value by default, such as `proxy_country_code`.
    return _tagged(value, [sorted(value.model_fields_set), _plain(dict(value))])


@_plain.register
def _of_result(value: BrowserTaskResult) -> Any:
    return _tagged(value, value.task_id)  # the same task, however its pictures are signed this time


@_plain.register
def _of_session(value: Session) -> Any:
    return _tagged(value, value.id)


@_plain.register(PrefectFuture)
@_plain.register(State)
def _of_future(value: Any) -> Any:  # noqa: ARG001 - all are alike
    return ["future"]


@_plain.register(BaseAnnotation)
def _of_annotation(value: Any) -> Any:
    return _plain(value.unwrap())
