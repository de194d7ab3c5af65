"""What the Prefect tasks of this package have in common."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar, get_origin

from prefect import Task
from prefect.blocks.system import Secret
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.utilities.collections import isiterable
from pydantic import BaseModel, SecretStr
from typing_extensions import ParamSpec

from browser_use_client import BrowserUseError, CreateTaskRequest, InvalidRequestError
from prefect_browser_use.credentials import BrowserUseCredentials
from prefect_browser_use.flow_runs import FlowRunEndedError
from prefect_browser_use.inputs import BLOCK_NAME, SECRET_REFERENCE

P = ParamSpec("P")
R = TypeVar("R")


def browser_use_task(name: str) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Makes a Prefect task of a function: `@browser_use_task("run-browser-task")`."""

    def decorate(function: Callable[P, R]) -> Task[P, R]:
        # NO_CACHE: two identical calls are two tasks, also where Prefect persists results.
        return BrowserUseTask(function, name=name, cache_policy=NO_CACHE, retry_condition_fn=retry_can_help)

    return decorate


def retry_can_help(task: Any, task_run: TaskRun, state: State[Any]) -> bool:  # noqa: ARG001 - Prefect's signature
    """For `retry_condition_fn`: False for what ends the same way again, such as a wrong key or a closed session.

    Prefect asks this only of tasks with `retries`. A retry adopts the Browser Use task that still runs.
    """
    error = state.data
    if isinstance(error, BrowserUseError):
        return error.retryable
    return not isinstance(error, (FlowRunEndedError, TypeError))


class BrowserUseTask(Task[P, R]):
    """A Prefect task that refuses calls that could only go wrong."""

    def map(self, *args: Any, **kwargs: Any) -> Any:
        """As `Task.map`.

        Raises:
            TypeError: What belongs to every task is not wrapped in `unmapped`.
        """
        for name, value in self._arguments(args, kwargs):
            if _is_one_value(value) and isiterable(value):
                raise TypeError(
                    f"`{name}` is one {type(value).__name__} for all tasks, but `.map` would go through what is in it."
                    f" Write `{name}=unmapped({name})`, with `from prefect import unmapped`."
                )
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
        return task

    def _arguments(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        yield from zip(inspect.signature(self.fn).parameters, args, strict=False)
        yield from kwargs.items()


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
