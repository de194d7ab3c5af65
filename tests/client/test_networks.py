"""Companies' networks: certificates of their own, proxies, and variables of the environment that others understand."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from browser_use_client import (
    AsyncBrowserUseClient,
    BrowserUseClient,
    CertificateError,
    ConnectError,
    InvalidRequestError,
    ProxyRefusedError,
)
from tests.client.conftest import Client
from tests.client.networks import PlainFront, TlsFront
from tests.fake_api import FakeApi
from tests.proxies import ForwardProxy

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def tls(fake: FakeApi, tmp_path: Path) -> Iterator[TlsFront]:
    """The fake, behind a certificate that nobody knows."""
    with TlsFront(fake.base_url, tmp_path) as front:
        yield front


@pytest.fixture
def proxy() -> Iterator[ForwardProxy]:
    with ForwardProxy() as proxy:
        yield proxy


@pytest.fixture
def reach(fake: FakeApi, connect: Callable[..., Client]) -> Callable[..., Client]:
    """Makes a client that knows what the fake speaks."""
    return lambda **options: connect(fake, **{"api_version": fake.contract} | options)


def test_a_certificate_of_nobody_known_is_not_tried_again_and_names_the_remedy(
    reach: Callable[..., Client], fake: FakeApi, tls: TlsFront
) -> None:
    client = reach(base_url=tls.base_url)
    started = fake.time()

    for call in (client.get_account, lambda: client.run_task("x")):
        with pytest.raises(CertificateError, match=r"self.signed|unable to get local issuer") as caught:
            call()
        for words in (tls.base_url, "`verify`", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "did not see"):
            assert words in str(caught.value)
        assert not caught.value.retryable

    assert fake.time() == started
    assert tls.connections == 2


def test_a_company_s_ca_bundle_is_trusted_by_setting_by_folder_and_by_environment(
    reach: Callable[..., Client], fake: FakeApi, tls: TlsFront, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert reach(base_url=tls.base_url, verify=tls.bundle).get_account().credits_usd == 100
    assert reach(base_url=tls.base_url, verify=str(tls.bundle)).run_task("x").status == "finished"
    assert reach(base_url=tls.base_url, verify=False).get_account().credits_usd == 100
    monkeypatch.setenv("SSL_CERT_FILE", str(tls.bundle))
    assert reach(base_url=tls.base_url).get_account().credits_usd == 100
    assert len(fake.tasks()) == 1


def test_a_certificate_for_another_host_is_not_trusted_either(
    reach: Callable[..., Client], fake: FakeApi, tmp_path: Path
) -> None:
    with (
        TlsFront(fake.base_url, tmp_path, "elsewhere.test") as tls,
        pytest.raises(CertificateError, match="Hostname mismatch"),
    ):
        reach(base_url=tls.base_url, verify=tls.bundle).get_account()


def test_a_server_that_speaks_no_tls_says_so(reach: Callable[..., Client], fake: FakeApi) -> None:
    with PlainFront() as plain, pytest.raises(ConnectError, match=r"is it http://\?"):
        reach(base_url=f"https://127.0.0.1:{plain.port}{urlsplit(fake.base_url).path}").get_account()


@pytest.mark.parametrize("bundle", ["missing.pem", "empty.pem", "text.pem"])
def test_a_ca_bundle_that_cannot_be_read_is_named_before_anything_is_sent(
    reach: Callable[..., Client], fake: FakeApi, tmp_path: Path, bundle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty.pem").touch()
    (tmp_path / "text.pem").write_text("-----BEGIN CERTIFICATE-----\nnot\n-----END CERTIFICATE-----\n")
    path = tmp_path / bundle

    with pytest.raises(InvalidRequestError, match=rf"{path}' of `verify` cannot be used"):
        reach(verify=path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(InvalidRequestError, match=rf"{path}' of SSL_CERT_FILE cannot be used"):
        reach()
    assert fake.requests() == []


@pytest.mark.parametrize("verify", ["", 3, None, "a\0b"])
def test_what_is_no_ca_bundle_is_refused(reach: Callable[..., Client], verify: Any) -> None:
    with pytest.raises(InvalidRequestError, match="verify"):
        reach(verify=verify)


@pytest.mark.parametrize("named_by", ["setting", "secret setting", "environment"])
def test_a_proxy_leads_to_the_server_and_to_the_store_of_files(
    reach: Callable[..., Client],
    fake: FakeApi,
    tls: TlsFront,
    proxy: ForwardProxy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    named_by: str,
) -> None:
    options: dict[str, Any] = {"proxy": proxy.url}
    if named_by == "secret setting":
        options = {"proxy": SecretStr(proxy.url)}
    elif named_by == "environment":
        options = {}
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("HTTP_PROXY", proxy.url.removeprefix("http://"))  # as curl takes it
    (tmp_path / "a.csv").write_text("1")
    fake.script(output_files={"b.csv": "2"})

    options |= {"base_url": tls.base_url, "verify": tls.bundle}
    task = reach(**options).run_task("x", files=[tmp_path / "a.csv"])
    [path] = reach(**options).download_output_files(task, tmp_path / "out")

    assert path.read_text() == "2"
    assert f"CONNECT localhost:{tls.port}" in proxy.led_to
    assert {line.partition("/_files/")[0] for line in proxy.led_to if "/_files/" in line} == {
        f"{'PUT' if fake.contract == 'v4' else 'POST'} http://{urlsplit(fake.base_url).netloc}",
        f"GET http://{urlsplit(fake.base_url).netloc}",
    }


def test_a_plain_server_is_reached_through_a_proxy_too(
    reach: Callable[..., Client], fake: FakeApi, proxy: ForwardProxy
) -> None:
    assert reach(proxy=proxy.url).run_task("x").status == "finished"
    assert f"POST {fake.base_url}/{'runs' if fake.contract == 'v4' else 'tasks'}" in proxy.led_to


@pytest.mark.parametrize("through_tls", [True, False])
@pytest.mark.parametrize("password", [None, "wrong-geheim"])
def test_a_proxy_that_wants_a_password_is_not_tried_again_and_says_where_to_put_it(
    reach: Callable[..., Client],
    fake: FakeApi,
    tls: TlsFront,
    proxy: ForwardProxy,
    through_tls: bool,
    password: str | None,
) -> None:
    url = proxy.bare_url if password is None else proxy.url.replace("geheim", password)
    where = {"base_url": tls.base_url, "verify": tls.bundle} if through_tls else {}
    client = reach(proxy=url, **where)
    started = fake.time()

    for call in (client.get_account, lambda: client.run_task("x")):
        with pytest.raises(ProxyRefusedError, match="407 Proxy Authentication Required") as caught:
            call()
        assert "`proxy`" in str(caught.value)
        assert "HTTPS_PROXY" in str(caught.value)
        assert "geheim" not in str(caught.value)

    assert fake.time() == started
    assert len(proxy.led_to) == 2
    assert fake.requests() == []


def test_a_proxy_that_forbids_a_host_is_not_tried_again_and_one_that_fails_is(
    reach: Callable[..., Client], tls: TlsFront
) -> None:
    with ForwardProxy(answer="403 Forbidden") as strict, ForwardProxy(answer="502 Bad Gateway") as broken:
        with pytest.raises(ProxyRefusedError, match="403 Forbidden"):
            reach(base_url=tls.base_url, proxy=strict.bare_url).get_account()
        with pytest.raises(ConnectError, match="502 Bad Gateway"):
            reach(base_url=tls.base_url, proxy=broken.bare_url).get_account()
        assert (len(strict.led_to), len(broken.led_to)) == (1, 5)


@pytest.mark.parametrize(
    "spared", ["127.0.0.1", "127.0.0.1,[::1],fe80::/10,10.0.0.0/8,.corp.example", "[::1], fe80::/10 ,127.0.0.1", "*"]
)
def test_no_proxy_may_hold_whatever_other_programs_understand(
    reach: Callable[..., Client],
    fake: FakeApi,
    proxy: ForwardProxy,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    spared: str,
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", spared)
    fake.script(output_files={"b.csv": "2"})

    client = reach()
    client.download_output_files(client.run_task("x"), tmp_path)

    assert proxy.led_to == []


@pytest.mark.parametrize("url", ["http://[::1]:8790/api/v2", "http://[fe80::1]:8790/api/v2"])
def test_no_proxy_may_name_ipv6_hosts(url: str, proxy: ForwardProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    for spared in ("::1,fe80::1", "[::1],[fe80::1]"):
        monkeypatch.setenv("NO_PROXY", spared)
        with (
            BrowserUseClient("bu_key", url, api_version="v2-flat", sleep=lambda _: None) as client,
            pytest.raises(ConnectError),
        ):
            client.get_account()
        assert proxy.led_to == []


BAD_PROXIES = ["", "http://", "http://:geheim@", "gopher://geheim@proxy.test", "http://pro xy:geheim", "http://a..b:1"]


@pytest.mark.parametrize("url", [*BAD_PROXIES, "socks5://me:geheim@proxy.test:1080", "socks4://geheim@proxy.test"])
@pytest.mark.parametrize("client", [BrowserUseClient, AsyncBrowserUseClient])
def test_a_proxy_that_cannot_be_one_is_named_without_its_password(
    client: type[Any], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)  # as where the extra is not installed
    with pytest.raises(InvalidRequestError, match=r"The proxy, from `proxy` or the environment") as caught:
        client("bu_key", proxy=url)
    assert "geheim" not in str(caught.value)

    if url:
        monkeypatch.setenv("ALL_PROXY", url)
        with pytest.raises(InvalidRequestError, match=r"The proxy, from `proxy` or the environment"):
            client("bu_key")


def test_no_password_of_a_proxy_is_shown(proxy: ForwardProxy) -> None:
    client = BrowserUseClient("bu_key", proxy=proxy.url)

    assert "geheim" not in f"{client!r} {client._driver!r} {client._driver._settings!r}"
