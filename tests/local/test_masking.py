from __future__ import annotations

import json
from html import escape
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from browser_use_local.masking import mask

from .pages import Site
from .running_server import LocalServer
from .unhurried import unhurried

ODD = 'hörr"er\\42'


def test_secrets_are_masked_however_they_are_spelled_the_longest_first() -> None:
    secrets = {"user": "anna", "password": 'p"ä /anna'}
    text = 'p"ä /anna anna p%22%C3%A4%20%2Fanna p%22%c3%a4+%2Fanna p\\"\\u00e4 /anna p\\"ä /anna p&quot;ä /anna'
    assert mask(text, secrets).split() == ["{{password}}", "{{user}}", *["{{password}}"] * 5]


@unhurried
@given(st.text(min_size=4, max_size=12).filter(str.strip), st.text("xyz", max_size=3))
def test_no_spelling_of_a_secret_is_left(secret: str, around: str) -> None:
    secret = secret.encode(errors="ignore").decode()
    spellings = {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], escape(secret)}
    spellings |= {quote(secret, safe=""), quote(secret), quote(secret, safe="!'()*~"), quote_plus(secret)}
    if len(secret) > 3 and "{{secret}}" not in secret:
        for spelling in spellings:
            assert mask(f"\x00{spelling}\x00", {"secret": secret}) == "\x00{{secret}}\x00"
        tree = {"a": [secret, {"b": f"{around}{secret}"}], "number": 4.0, "nothing": None}
        assert secret not in mask(tree, {"secret": secret})["a"]  # type: ignore[operator]


def test_numbers_names_of_fields_and_texts_that_hold_a_short_secret_by_chance_stay_as_they_are() -> None:
    tree = {"amount": 42.0, "42": "42", "note": "route 42", "ok": True, "rows": [["42", "420"]]}
    assert mask(tree, {"pin": "42"}) == {**tree, "42": "{{pin}}", "rows": [["{{pin}}", "420"]]}
    assert mask("'42' is not \"42\" of 42", {"pin": "42"}) == "'{{pin}}' is not \"{{pin}}\" of 42"
    assert mask("http://shop.test/42?pin=42&x=421", {"pin": "42"}) == "http://shop.test/42?pin={{pin}}&x=421"


def test_masking_twice_is_masking_once() -> None:
    secrets = {"shop_user": "user", "other": "shop"}
    once = mask("user of the shop", secrets)
    assert once == "{{shop_user}} of the {{other}}"
    assert mask(once, secrets) == once


def test_many_long_secrets_of_all_signs_are_masked_in_a_large_text() -> None:
    """As patterns they took minutes to compile, in the process that answers all requests."""
    secrets = {f"secret{number}": f"{number:05}" + "ab%ü\\&" * 600 for number in range(300)}
    text = "-".join([*secrets.values(), "x" * 100_000])
    assert mask(text, secrets) == "-".join([*(f"{{{{{name}}}}}" for name in secrets), "x" * 100_000])


def read(server: LocalServer, address: str, task: str, secrets: dict[str, str], properties: Any = None) -> Any:
    schema = {"type": "object", "properties": properties or {}, "required": list(properties or {})}
    body = {"structuredOutput": json.dumps(schema)} if properties else {}
    return server.run(f"Open {address}. {task}", secrets=secrets, **body)


@pytest.mark.parametrize("secret", ["42", "4242"])
def test_a_number_is_not_what_a_secret_is_masked_in(server: LocalServer, site: Site, secret: str) -> None:
    page = site.page(f"<dl><dt>Amount<dd>{secret} EUR<dt>Code<dd>{secret}</dl>")
    properties = {"amount": {"type": "number"}, "code": {"type": "string"}}
    ended = read(server, page, "Report the amount.", {"pin": secret}, properties)
    assert ended["isSuccess"], ended["output"]
    assert json.loads(ended["output"]) == {"amount": float(secret), "code": "{{pin}}"}


def test_a_secret_with_quotes_backslashes_and_umlauts_is_nowhere_in_clear(server: LocalServer, site: Site) -> None:
    table = f"<table><tr><th>Name<th>Word<tr><td>one<td>{ODD}</table>"
    form = "<form>Word <input name=word aria-label=Word><button>Send</button></form>"
    page = site.page(table + f"<dl><dt>Word<dd>{ODD}</dl><a href=/file download='{escape(ODD)}.txt'>File</a>" + form)
    site.pages["/file"] = (200, {"Content-Type": "text/plain"}, b"text")
    steps = "Read the table, report the word, type word_secret in Word, download File and click Send."
    text = read(server, page, steps, {"word_secret": ODD})
    assert text["isSuccess"], text["output"]
    assert '"Word": "{{word_secret}}"' in text["output"]
    assert text["output"].endswith("Word: {{word_secret}}")
    assert text["steps"][-1]["url"].endswith("?word={{word_secret}}")
    data = read(server, page, "Read the table.", {"word_secret": ODD}, {"word": {"type": "string"}})
    assert json.loads(data["output"]) == {"word": "{{word_secret}}"}
    failed = read(server, page, f"Open {site.url}/missing.", {"word_secret": site.url[-5:]})
    assert "{{word_secret}}/missing" in failed["output"]
    written = server.everything_written().decode(errors="replace")
    for spelling in (ODD, json.dumps(ODD)[1:-1], json.dumps(ODD, ensure_ascii=False)[1:-1], quote(ODD), escape(ODD)):
        assert spelling not in written
        assert spelling not in json.dumps([text, data])


def test_a_short_secret_is_masked_where_it_is_the_whole_value(server: LocalServer, site: Site) -> None:
    page = site.page("<table><tr><th>Pin<th>Amount<tr><td>42<td>420</table><dl><dt>Code<dd>42</dl>")
    ended = read(server, page, "Read the table and report the code.", {"pin": "42"})
    assert '"Pin": "{{pin}}",\n    "Amount": "420"' in ended["output"]
    assert ended["output"].endswith("Code: {{pin}}")
    assert [step["memory"] for step in ended["steps"]][2] == "Code: {{pin}}"
    assert '"{{pin}}"' in ended["steps"][1]["memory"]


def test_an_output_that_fits_its_schema_only_with_the_secret_is_no_success(server: LocalServer, site: Site) -> None:
    page = site.page("<dl><dt>Word<dd>hunter22</dl>")
    ended = read(server, page, "Report the word.", {"word": "hunter22"}, {"word": {"enum": ["hunter22"]}})
    assert not ended["isSuccess"]
    assert ended["output"].startswith("Secrets are not given out, and without them the output does not fit the schema")
    assert "'{{word}}' is not one of" in ended["output"]
