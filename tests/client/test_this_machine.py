"""A URL of this machine is of no use to anybody elsewhere."""

from __future__ import annotations

import pytest

from browser_use_client.this_machine import is_of_this_machine


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8790/live/1?signature=2",
        "http://127.8.8.8/",
        "http://localhost:8790/live/1",
        "HTTP://LOCALHOST/",
        "http://shop.localhost/",
        "http://[::1]:8790/live/1",
        "//localhost:8790/api/v2",
    ],
)
def test_a_loopback_address_and_localhost_are_of_this_machine(url: str) -> None:
    assert is_of_this_machine(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://live.browser-use.com/?wss=x",
        "https://127.0.0.1.example.com/",
        "https://localhost@example.com/",
        "https://localhost.example.com/",
        "https://notlocalhost/",
        "https://10.0.0.1/",
        "http://0.0.0.0/",
        "http://[::1",
        "localhost",
        "",
    ],
)
def test_a_url_that_leads_elsewhere_or_cannot_be_read_is_not(url: str) -> None:
    assert not is_of_this_machine(url)
