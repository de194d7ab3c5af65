"""The two drivers: they perform what flows ask for, one blocking, one with asyncio."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import httpx

from browser_use_client.effects import Call, Clock, Download, Effect, Flow, Notify, Sleep, Together, Upload
from browser_use_client.errors import BrowserUseError, InvalidRequestError
from browser_use_client.pace import Pace
from browser_use_client.server_clock import ServerClock
from browser_use_client.settings import Settings
from browser_use_client.traffic import Traffic
from browser_use_client.transport import (
    NO_ANSWER,
    async_upload_options,
    check_file_response,
    error_of,
    request_of,
    result_of,
    upload_options,
    whole_file,
)
from browser_use_client.wait_log import WaitLog

T = TypeVar("T")

REQUESTS_AT_ONCE = 10
"""Requests under way at the same time, of those that are asked for together."""


class Driver:
    """Runs flows with blocking calls.

    Args:
        settings: Where the API is, and who asks.
        clock: The time now.
        server_clock: Told of every answer of the API.
        sleep: How to pause, in seconds.
    """

    def __init__(
        self, settings: Settings, clock: Clock, server_clock: ServerClock, sleep: Callable[[float], object]
    ) -> None:
        self._settings = settings
        self.traffic = Traffic()
        self._waits = WaitLog(clock)
        self._server_clock = server_clock
        self._sleep = sleep
        self._pace = Pace(settings.requests_per_second, clock)
        self._http = httpx.HTTPTransport(**settings.transport_options)
        self._stores: dict[str | None, httpx.Client] = {}
        self._is_closed = False

    def run(self, flow: Flow[T]) -> T:
        """Runs a flow to its end, and returns or raises what it ends in."""
        if self._is_closed:
            raise InvalidRequestError("This client is closed: make a new one.")
        try:
            effect = next(flow)
            while True:
                self.traffic.note(effect)
                self._waits.note(effect)
                try:
                    result = self._perform(effect)
                except BaseException as error:  # noqa: BLE001 - the flow decides what each error means
                    effect = flow.throw(error)
                else:
                    effect = flow.send(result)
        except StopIteration as end:
            result_of_flow: T = end.value
            return result_of_flow

    def close(self) -> None:
        """Closes the connections."""
        self._is_closed = True
        self._http.close()
        for store in self._stores.values():
            store.close()

    def _store(self, url: str) -> httpx.Client:
        """The client for the store of files at a URL; stores behind the same proxy share one."""
        proxy = self._settings.proxy_to(url)
        if proxy not in self._stores:
            self._stores[proxy] = httpx.Client(**self._settings.file_options(proxy))
        return self._stores[proxy]

    def _perform(self, effect: Effect) -> Any:
        match effect:
            case Sleep(seconds=seconds):
                return self._sleep(seconds)
            case Notify(callback, arguments):
                return callback(*arguments)
            case Together(calls):
                return [self._answer(call) for call in calls]
        if isinstance(effect, Call) and (pause := self._pace.pause()):
            self._sleep(pause)
        try:
            match effect:
                case Call():
                    response = self._send(request_of(effect, self._settings))
                    self._server_clock.saw(response.headers)
                    return result_of(effect, response)
                case Upload():
                    return self._upload(effect)
                case Download():
                    return self._download(effect)
        except NO_ANSWER as error:
            raise error_of(effect, self._settings.base_url, error) from None

    def _send(self, request: httpx.Request) -> httpx.Response:
        """Sends a request, and reads the answer. A transport is all that takes: a client adds what no answer needs."""
        response = self._http.handle_request(request)
        response.request = request
        try:
            response.read()
        finally:
            response.close()
        return response

    def _answer(self, call: Call[Any]) -> Any:
        try:
            return self._perform(call)
        except BrowserUseError as error:
            return error

    def _upload(self, effect: Upload) -> None:
        with effect.path.open("rb") as content:
            check_file_response(effect, self._store(effect.slot.url).request(**upload_options(effect, content)))

    def _download(self, effect: Download) -> None:
        with self._store(effect.url).stream("GET", effect.url) as response:
            if response.is_error:
                response.read()
            check_file_response(effect, response)
            with whole_file(effect.path) as file:
                for piece in response.iter_bytes():
                    file.write(piece)


class AsyncDriver:
    """Runs flows in an event loop.

    Args:
        settings: Where the API is, and who asks.
        clock: The time now.
        server_clock: Told of every answer of the API.
        sleep: How to pause, in seconds; awaited.
    """

    def __init__(
        self, settings: Settings, clock: Clock, server_clock: ServerClock, sleep: Callable[[float], Awaitable[object]]
    ) -> None:
        self._settings = settings
        self.traffic = Traffic()
        self._waits = WaitLog(clock)
        self._server_clock = server_clock
        self._sleep = sleep
        self._pace = Pace(settings.requests_per_second, clock)
        self._http = httpx.AsyncHTTPTransport(**settings.transport_options)
        self._stores: dict[str | None, httpx.AsyncClient] = {}
        self._is_closed = False

    async def run(self, flow: Flow[T]) -> T:
        """Runs a flow to its end, and returns or raises what it ends in."""
        if self._is_closed:
            raise InvalidRequestError("This client is closed: make a new one.")
        try:
            effect = next(flow)
            while True:
                self.traffic.note(effect)
                self._waits.note(effect)
                try:
                    result = await self._perform(effect)
                except BaseException as error:  # noqa: BLE001 - the flow decides what each error means
                    effect = flow.throw(error)
                else:
                    effect = flow.send(result)
        except StopIteration as end:
            result_of_flow: T = end.value
            return result_of_flow

    async def aclose(self) -> None:
        """Closes the connections."""
        self._is_closed = True
        await self._http.aclose()
        for store in self._stores.values():
            await store.aclose()

    def _store(self, url: str) -> httpx.AsyncClient:
        """The client for the store of files at a URL; stores behind the same proxy share one."""
        proxy = self._settings.proxy_to(url)
        if proxy not in self._stores:
            self._stores[proxy] = httpx.AsyncClient(**self._settings.file_options(proxy))
        return self._stores[proxy]

    async def _perform(self, effect: Effect) -> Any:
        match effect:
            case Sleep(seconds=seconds):
                return await self._sleep(seconds)
            case Together(calls):
                return await self._answers(calls)
            case Notify(callback, arguments):
                told = callback(*arguments)
                return await told if inspect.isawaitable(told) else told
        if isinstance(effect, Call) and (pause := self._pace.pause()):
            await self._sleep(pause)
        try:
            match effect:
                case Call():
                    response = await self._send(request_of(effect, self._settings))
                    self._server_clock.saw(response.headers)
                    return result_of(effect, response)
                case Upload():
                    return await self._upload(effect)
                case Download():
                    return await self._download(effect)
        except NO_ANSWER as error:
            raise error_of(effect, self._settings.base_url, error) from None

    async def _send(self, request: httpx.Request) -> httpx.Response:
        """Sends a request, and reads the answer."""
        response = await self._http.handle_async_request(request)
        response.request = request
        try:
            await response.aread()
        finally:
            await response.aclose()
        return response

    async def _answers(self, calls: Sequence[Call[Any]]) -> list[Any]:
        """At most `REQUESTS_AT_ONCE` at a time: each worker takes the next call that nobody has taken."""
        answers: list[Any] = [None] * len(calls)
        left = iter(range(len(calls)))

        async def work() -> None:
            for position in left:
                try:
                    answers[position] = await self._perform(calls[position])
                except BrowserUseError as error:
                    answers[position] = error

        await asyncio.gather(*(work() for _ in range(min(REQUESTS_AT_ONCE, len(calls)))))
        return answers

    async def _upload(self, effect: Upload) -> None:
        with effect.path.open("rb") as content:
            options = async_upload_options(effect, content)
            check_file_response(effect, await self._store(effect.slot.url).request(**options))

    async def _download(self, effect: Download) -> None:
        async with self._store(effect.url).stream("GET", effect.url) as response:
            if response.is_error:
                await response.aread()
            check_file_response(effect, response)
            with whole_file(effect.path) as file:
                async for piece in response.aiter_bytes():
                    file.write(piece)
