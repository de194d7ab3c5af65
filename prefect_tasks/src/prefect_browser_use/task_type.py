"""What the Prefect tasks of this package have in common: they know their place, and refuse what could only go wrong."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar, get_origin

from prefect import Task, unmapped
from prefect.blocks.system import Secret
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.futures import PrefectFuture
from prefect.utilities.annotations import BaseAnnotation
from prefect.utilities.collections import isiterable
from pydantic import BaseModel, SecretStr
from typing_extensions import ParamSpec

from browser_use_client import BrowserUseError, CreateTaskRequest, InvalidRequestError, OutputSchemaError
from prefect_browser_use.cache_policies import policy_of
from prefect_browser_use.credentials import BrowserUseCredentials
from prefect_browser_use.flow_runs import FlowRunEndedError
from prefect_browser_use.inputs import BLOCK_NAME, SECRET_REFERENCE
from prefect_browser_use.places import Place

ASKED = {
    *("task", "credentials", "session_id", "keep_session", "output_schema", "secrets", "secret_domains"),
    *("agent_settings", "model_params", "browser_settings", "workspace_id", "max_cost_usd", "metadata", "files", "key"),
}
"""The arguments that tell calls apart."""

P = ParamSpec("P")
R = TypeVar("R")


def browser_use_task(name: str) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Makes a Prefect task of a function: `@browser_use_task("run-browser-task")`."""

    def decorate(function: Callable[P, R]) -> Task[P, R]:
        return BrowserUseTask(function, name=name, cache_policy=NO_CACHE, retry_condition_fn=retry_can_help)

    return decorate


def retry_can_help(task: Any, task_run: TaskRun, state: State[Any]) -> bool:  # noqa: ARG001 - Prefect's signature
    """For `retry_condition_fn`: False for what ends the same way again, such as a wrong key or a closed session.

    Prefect asks this only of tasks with `retries`. A retry reattaches to the Browser Use task that still runs. Output
    that does not fit is asked for again, in a new task.
    """
    error = state.data
    if isinstance(error, OutputSchemaError):
        return True
    if isinstance(error, BrowserUseError):
        return error.retryable
    return not isinstance(error, (FlowRunEndedError, TypeError))


class BrowserUseTask(Task[P, R]):
    """A Prefect task whose calls are told apart where they are made, and that refuses what could only go wrong."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.cache_policy = policy_of(self.cache_policy)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """As `Task.__call__`."""
        placed: Any = kwargs | self._place_of(self._arguments(args, kwargs))
        return super().__call__(*args, **placed)

    def submit(self, *args: Any, **kwargs: Any) -> Any:
        """As `Task.submit`."""
        placed: Any = kwargs | self._place_of(self._arguments(args, kwargs))
        return super().submit(*args, **placed)

    def map(self, *args: Any, **kwargs: Any) -> Any:
        """As `Task.map`.

        Raises:
            TypeError: What belongs to every task is not wrapped in `unmapped`.
        """
        for name, value in self._arguments(args, kwargs):
            if _is_one_value(value) and isiterable(value):
                raise TypeError(
                    f"`{name}` is one {type(value).__name__} for all tasks, but `.map` would iterate over it."
                    f" Write `{name}=unmapped({name})`, with `from prefect import unmapped`."
                )
        args = tuple(_kept(value) for value in args)
        kwargs = {name: _kept(value) for name, value in kwargs.items()}
        places = [self._place_of(arguments) for arguments in _mapped(self._arguments(args, kwargs))]
        if places and all(places):
            kwargs["_place"] = [place["_place"] for place in places]
        return super().map(*args, **kwargs)

    def apply_async(
        self, args: tuple[Any, ...] | None = None, kwargs: dict[str, Any] | None = None, *rest: Any, **options: Any
    ) -> Any:
        """As `Task.apply_async`, which `delay` calls too.

        Raises:
            InvalidRequestError: An argument holds a secret. Prefect writes the arguments of background tasks to its
                storage, as they are.
        """
        for name, value in self._arguments(args or (), kwargs or {}):
            if _holds_secret(name, value):
                raise InvalidRequestError(
                    f"`{name}` holds a secret, and Prefect would write it to its storage in plain text, for the worker"
                    " of the background task to read. Pass the name of a saved block instead: `credentials='NAME'`,"
                    " and `secrets={'password': 'secret/NAME'}`."
                )
        return super().apply_async(args, kwargs, *rest, **options)

    def with_options(self, *args: Any, **options: Any) -> Any:
        """As `Task.with_options`."""
        task = super().with_options(*args, **options)
        task.__class__ = type(self)  # Prefect makes a plain Task of it
        task.cache_policy = policy_of(task.cache_policy)
        return task

    def _place_of(self, arguments: Iterable[tuple[str, Any]]) -> dict[str, Place]:
        """The place of a call as an argument; nothing for tasks that need none, and outside of flows."""
        if "_place" not in inspect.signature(self.fn).parameters:
            return {}
        asked = {name: value for name, value in arguments if name in ASKED}
        place = Place.of(self.fn.__name__, asked)
        return {"_place": place} if place else {}

    def _arguments(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        yield from zip(inspect.signature(self.fn).parameters, args, strict=False)
        yield from kwargs.items()


def _kept(value: Any) -> Any:
    """What can be gone through once only, as a list."""
    return list(value) if isinstance(value, Iterator) else value


def _mapped(arguments: Iterable[tuple[str, Any]]) -> list[list[tuple[str, Any]]]:
    """The arguments of each call of a `.map`, as Prefect takes them apart; nothing where it will refuse to."""
    elements, same = {}, []
    for name, value in arguments:
        if isinstance(value, unmapped):
            same.append((name, value.value))
            continue
        whole = value.unwrap() if isinstance(value, BaseAnnotation) else value
        if isinstance(whole, PrefectFuture):
            whole = whole.result(raise_on_failure=False)
        if isiterable(whole):
            elements[name] = list(whole)
        else:
            same.append((name, value))
    if len({len(values) for values in elements.values()}) != 1:
        return []
    return [[*same, *zip(elements, values, strict=True)] for values in zip(*elements.values(), strict=True)]


def _is_one_value(value: Any) -> bool:
    """Whether nobody means to map over it; `list[Order]` can be iterated, too."""
    return isinstance(value, (BaseModel, Mapping, type)) or get_origin(value) is not None


def _holds_secret(name: str, value: Any) -> bool:
    """Whether an argument holds more than names of saved blocks where there are secrets."""
    if isinstance(value, BrowserUseCredentials):
        return value.api_key is not None
    if isinstance(value, CreateTaskRequest):
        return bool(value.secrets)
    if name == "credentials":
        return value is not None and not (isinstance(value, str) and BLOCK_NAME.fullmatch(value))
    if name == "secrets":
        values = value.values() if isinstance(value, Mapping) else [value] if value is not None else []
        return not all(isinstance(item, str) and SECRET_REFERENCE.fullmatch(item) for item in values)
    return isinstance(value, (SecretStr, Secret))
