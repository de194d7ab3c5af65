from __future__ import annotations

import asyncio
from importlib.metadata import entry_points
from typing import Any

import pytest
from prefect import get_client
from prefect.blocks.core import Block
from prefect.testing.standard_test_suites import BlockStandardTestSuite

from browser_use_client import AuthenticationError, BrowserUseError, InvalidRequestError
from prefect_browser_use import BrowserTask, BrowserUseCredentials
from tests.fake_api import FakeApi, FakeApiProcess
from tests.proxies import ForwardProxy

from .conftest import credentials_for
from .running_prefect import RunningPrefect

KEY = "bu_very_secret_key"
SLUGS = ["browser-use-credentials", "browser-use-task"]


class TestPrefectsStandard(BlockStandardTestSuite):
    @pytest.fixture
    def block(self) -> type[Block]:
        return BrowserUseCredentials

    @pytest.mark.skip(reason="fetches the logo from github.com; tests use no network")
    def test_has_a_valid_image(self, block: type[Block]) -> None: ...


def test_prefect_finds_the_block_through_the_entry_point() -> None:
    (entry,) = entry_points(group="prefect.collections", name="prefect_browser_use")
    assert entry.load().BrowserUseCredentials is BrowserUseCredentials


def test_prefects_command_registers_both_blocks(prefect_server: RunningPrefect) -> None:
    command = ["-m", "prefect", "block", "register", "--module", "prefect_browser_use"]
    assert prefect_server.start("register", *command).wait(120) == 0
    names = [prefect_server.get(f"/block_types/slug/{slug}")["name"] for slug in SLUGS]
    assert names == ["Browser Use Credentials", "Browser Use Task"]


@pytest.mark.usefixtures("harness")
def test_a_saved_block_comes_back_whole() -> None:
    BrowserUseCredentials(api_key=KEY, base_url="https://example.org/api/v2", api_version="v2-flat").save("mine")
    loaded = BrowserUseCredentials.load("mine")
    assert loaded.api_key is not None
    assert loaded.api_key.get_secret_value() == KEY
    assert (loaded.base_url, loaded.api_version) == ("https://example.org/api/v2", "v2-flat")


@pytest.mark.usefixtures("harness")
def test_the_key_is_shown_nowhere() -> None:
    block = BrowserUseCredentials(api_key=KEY)
    block.save("masked")
    with get_client(sync_client=True) as client:
        document = client.read_block_document_by_name("masked", "browser-use-credentials", include_secrets=False)
    for shown in (repr(block), str(block), block.model_dump_json(), document.model_dump_json()):
        assert KEY not in shown


@pytest.mark.parametrize(
    ("block", "given", "said"),
    [
        (BrowserUseCredentials, {"base_ulr": KEY}, "BrowserUseCredentials has no field 'base_ulr'; there are api_key,"),
        (BrowserTask, {"task": "Read.", "max_cost": KEY, "a": 1}, "BrowserTask has no field 'a', 'max_cost'; there"),
        (BrowserTask, {"task": "Read.", "credentials": {"api_kye": KEY}}, "has no field 'api_kye'; there are api_key,"),
        (BrowserUseCredentials, {"api_key": [KEY]}, "api_key"),
        (BrowserTask, {"task": "Read.", "secrets": KEY}, "secrets"),
    ],
)
def test_a_field_that_is_not_right_is_named_and_what_it_holds_is_not(
    block: type[Block], given: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        block(**given)
    assert KEY not in str(refused.value)


def test_the_form_has_the_api_version_as_a_choice() -> None:
    choices = BrowserUseCredentials.model_json_schema()["properties"]["api_version"]
    assert (choices["enum"], choices["default"]) == (["auto", "v2-nested", "v2-flat", "v4"], "auto")


def test_the_base_url_follows_from_the_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BROWSER_USE_BASE_URL", raising=False)
    for version, path in (("auto", "v2"), ("v2-flat", "v2"), ("v4", "v4")):
        with BrowserUseCredentials(api_key=KEY, api_version=version).get_client() as client:
            assert client.base_url == f"https://api.browser-use.com/api/{path}"


def test_a_base_url_of_another_version_is_said_so() -> None:
    block = BrowserUseCredentials(api_key=KEY, base_url="https://api.browser-use.com/api/v2", api_version="v4")
    with pytest.raises(InvalidRequestError, match="`api_version` is v4"):
        block.get_client()


def test_what_is_left_out_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER_USE_API_KEY", KEY)
    monkeypatch.setenv("BROWSER_USE_BASE_URL", "http://127.0.0.1:1/api/v2")
    with BrowserUseCredentials().get_client() as client:
        assert client.base_url == "http://127.0.0.1:1/api/v2"


def test_a_missing_key_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BROWSER_USE_API_KEY", raising=False)
    with pytest.raises(AuthenticationError, match="BROWSER_USE_API_KEY"):
        BrowserUseCredentials().get_client()


def test_a_good_connection_shows_the_account(api: FakeApi) -> None:
    block = credentials_for(api)
    assert block.test_connection().credits_usd == 100.0
    assert asyncio.run(block.atest_connection()).credits_usd == 100.0


def test_a_wrong_key_is_said_so_without_the_key(api: FakeApi) -> None:
    block = BrowserUseCredentials(api_key=KEY, base_url=api.base_url)
    with pytest.raises(AuthenticationError) as caught:
        block.test_connection()
    assert KEY not in str(caught.value)


@pytest.mark.usefixtures("harness")
def test_a_proxy_is_saved_and_used_and_its_password_shown_nowhere(flat_api: FakeApi) -> None:
    with ForwardProxy() as proxy:
        block = BrowserUseCredentials(api_key=flat_api.api_key, base_url=flat_api.base_url, proxy=proxy.url)
        block.save("proxied")
        loaded = BrowserUseCredentials.load("proxied")
        assert loaded.test_connection().credits_usd == 100.0
        assert asyncio.run(loaded.atest_connection()).credits_usd == 100.0
        assert len(proxy.led_to) >= 2
        for shown in (repr(block), str(block), block.model_dump_json(), repr(loaded)):
            assert "geheim" not in shown
        wrong = BrowserUseCredentials(api_key=flat_api.api_key, base_url=flat_api.base_url, proxy=proxy.url + "er")
        with pytest.raises(InvalidRequestError) as caught:
            wrong.test_connection()
        assert "geheim" not in str(caught.value)


def test_whatever_is_wrong_with_a_block_is_one_sentence_of_the_client_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER_USE_API_KEY", KEY)
    for wrong in (
        {"base_url": "https://cloud.browser-use.com"},
        {"base_url": "127.0.0.1:8790"},
        {"verify": "/nowhere/company.pem"},
        {"proxy": "gopher://me:geheim@proxy.test"},
        {"api_key": ""},
    ):
        block = BrowserUseCredentials(**wrong)
        for test in (block.test_connection, lambda block=block: asyncio.run(block.atest_connection())):
            with pytest.raises(BrowserUseError) as caught:
                test()
            assert "geheim" not in str(caught.value)


def test_saved_blocks_can_be_chosen_as_parameters_of_a_deployment(prefect_server: RunningPrefect) -> None:
    with FakeApiProcess() as api:
        variables = {"BROWSER_USE_API_KEY": api.api_key, "BROWSER_USE_BASE_URL": api.base_url}
        assert prefect_server.start("save", "-m", "tests.prefect.flows", "save-blocks", **variables).wait(120) == 0
        prefect_server.start("serve", "-m", "tests.prefect.flows", "serve")
        saved = {
            slug: prefect_server.get(f"/block_types/slug/{slug}/block_documents/name/chosen")["id"] for slug in SLUGS
        }
        credentials, job = ({"$ref": {"block_document_id": saved[slug]}} for slug in SLUGS)
        parameters = {"credentials": credentials, "others": credentials, "job": job}
        flow_run = prefect_server.run_deployment("block-as-parameter", parameters)
        assert prefect_server.ended(flow_run, 300)["state_type"] == "COMPLETED"
        assert [task["prompt"] for task in api.tasks()] == ["With the block", "With the other", "Of the job"]
