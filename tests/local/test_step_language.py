from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from browser_use_local.script.grammar import Value
from browser_use_local.script.parse import NotUnderstoodError, parse
from browser_use_local.script.steps import STEPS
from browser_use_local.script.steps.files import Download, Upload
from browser_use_local.script.steps.forms import Select, Tick, Type, Untick
from browser_use_local.script.steps.moving import Click, GoBack, OpenHighest, OpenLowest, OpenUrl, PressKey, Reload
from browser_use_local.script.steps.reading import CheckText, ReadTable, Report, ReportIt, Wait, WaitForText
from browser_use_local.script.steps.signing_in import SignIn

from . import running_server, web
from .running_server import LocalServer
from .unhurried import unhurried

PAGE = (Path(__file__).parents[2] / "docs" / "local-server.md").read_text()
SECRETS = {"user", "password", "shop_user", "shop_password"}
SIGN_IN = SignIn(Value("shop_user", True), Value("shop_password", True))


def steps(task: str) -> list[Any]:
    return [written.step for written in parse(task, SECRETS)]


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ("Open http://shop.test/a?b=c.", [OpenUrl("http://shop.test/a?b=c")]),
        ("Go to reddit.com", [OpenUrl("reddit.com")]),
        ("Go back", [GoBack()]),
        ("Go back\n\n[bu-0123456789abcdef0123: a reference, no part of the task. Ignore it.]", [GoBack()]),
        ("Refresh the page", [Reload()]),
        ("Sign in as {{user}} with password {{password}}", [SignIn(Value("user", True), Value("password", True))]),
        ("log in as shop_user with the password shop_password", [SIGN_IN]),
        ("Log in with username <secret>user</secret> and password 'a b'", [SignIn(Value("user", True), Value("a b"))]),
        ("Click on the Orders link", [Click("Orders")]),
        ("Open the orders page", [Click("orders")]),
        ('Press "Save and close"', [Click("Save and close")]),
        ("Click Save / Close, then press 24/7", [Click("Save / Close"), Click("24/7")]),
        ("Click the Accept all button", [Click("Accept all")]),
        ("Click Reject all and go back", [Click("Reject all"), GoBack()]),
        ("Choose 10:30 in Start", [Select("Start", "10:30")]),
        ("Press Enter", [PressKey("Enter")]),
        ("Open the order with the highest amount", [OpenHighest("order", "amount")]),
        ("Open the dearest order", [OpenHighest("order")]),
        ("Open the invoice with the earliest due date", [OpenLowest("invoice", "due date")]),
        ("Open the cheapest offer", [OpenLowest("offer")]),
        ("Type hello world into the Search box", [Type("Search", Value("hello world"))]),
        ("Fill in the PIN with {{password}}", [Type("PIN", Value("password", True))]),
        ("Set the Status filter to Open", [Select("Status", "Open")]),
        ("Choose Damaged as the Reason", [Select("Reason", "Damaged")]),
        ("Tick the Refund box", [Tick("Refund")]),
        ("Uncheck newsletter", [Untick("newsletter")]),
        ('Check that the page says "All done"', [CheckText(Value("All done"))]),
        ("Wait 2.5 seconds", [Wait("2.5")]),
        ('Wait until "Ready" appears', [WaitForText(Value("Ready"))]),
        ("Read the orders table and report it", [ReadTable("orders"), ReportIt()]),
        ("Read the table", [ReadTable()]),
        ("Report its carrier, tracking number, and due date", [Report(("carrier", "tracking number", "due date"))]),
        ("Tell me the price and the weight", [Report(("price", "weight"))]),
        ("Download orders.csv", [Download("orders.csv")]),
        ("Upload receipt.pdf as the Receipt", [Upload("receipt.pdf", "Receipt")]),
    ],
)  # fmt: skip
def test_a_step_is_read_as_it_is_meant(task: str, expected: list[Any]) -> None:
    assert steps(task) == expected


@pytest.mark.parametrize(
    "task",
    [
        "Open http://shop.test/ and click Orders, then go back.",
        "Open http://shop.test/, click Orders, and go back",
        "Open http://shop.test/. Click Orders; go back!",
        "1. Open http://shop.test/\n2. Click Orders\n3. Go back",
        "- Please open http://shop.test/\n- Now, click Orders\n\n- Finally go back.",
        "First open http://shop.test/ and then click Orders. After that, go back.",
    ],
)
def test_steps_may_be_joined_as_people_do(task: str) -> None:
    assert steps(task) == [OpenUrl("http://shop.test/"), Click("Orders"), GoBack()]


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("", "The task has no steps"),
        ("Find the best price for a flight to Rome if it is cheap", "Step 1, `Find the best price for a flight"),
        ("Click Orders and buy everything", "Step 1, `Click Orders and buy everything`"),
        ("Click all links", "Step 1, `Click all links`, is not understood"),
        ("Click Accept all links", "names with a comma, or with a word such as `and`, `or`, `not`, `all`"),
        ("Click every link", "Expected is one of: `(click|press|follow|tap) [on] [the] <name> [link|button|tab]`"),
        ("Click the button with the very long label here", "Names of more than five words must be quoted"),
        ("Open http://shop.test/. Type hello", "Step 2, `Type hello`, is not understood"),
        ("Open file:///etc/passwd", "only http and https URLs can be opened"),
        ("Open javascript:alert(1)", "only http and https"),
        ("Go to chrome://settings", "only http and https"),
        ("Type {{pin}} into PIN", "Step 1, `Type {{pin}} into PIN`, needs the secret `pin`"),
        ("Wait 1000 seconds", "the longest wait is 600 seconds"),
    ],
)
def test_what_is_no_step_is_refused_with_what_was_expected(task: str, said: str) -> None:
    with pytest.raises(NotUnderstoodError) as refusal:
        parse(task, SECRETS)
    assert said in str(refusal.value)


NAMES = st.from_regex(r"[A-Za-z][a-z]{0,8}( [a-z]{1,8}){0,6}", fullmatch=True)
QUOTED = st.text(
    st.characters(exclude_characters='"“”\n\r', exclude_categories=["Cc", "Cs", "Co", "Zl", "Zp"]), min_size=1
).filter(str.strip)


def quoted(name: str) -> str:
    return f'"{name}"'


PIECES = [
    QUOTED.map(lambda name: (f'click "{name}"', Click(name))),
    QUOTED.map(lambda name: (f'download "{name}"', Download(name))),
    st.tuples(QUOTED, QUOTED).map(lambda two: (f'type "{two[0]}" into "{two[1]}"', Type(two[1], Value(two[0])))),
    st.tuples(QUOTED, QUOTED).map(lambda two: (f'set "{two[0]}" to "{two[1]}"', Select(*two))),
    # Six of them make one sentence at most, which may have 60 parts.
    st.lists(QUOTED, min_size=1, max_size=9).map(
        lambda names: (f"report {', '.join(map(quoted, names))}", Report(tuple(names)))
    ),
    st.integers(0, 600).map(lambda number: (f"wait for {number} seconds", Wait(str(number)))),
    st.just(("sign in as {{shop_user}} with password shop_password", SIGN_IN)),
]  # fmt: skip
JOINTS = st.sampled_from([". ", ", and ", ", ", " and ", ", then ", "\n", "; ", "; then ", ".\n2. "])


@unhurried
@given(st.lists(st.tuples(st.one_of(*PIECES), JOINTS), min_size=1, max_size=6))
def test_quoted_names_are_taken_as_they_are_however_the_steps_are_joined(
    parts: list[tuple[tuple[str, Any], str]],
) -> None:
    task = "".join(text + joint for (text, _), joint in parts[:-1]) + parts[-1][0][0]
    assert steps(task) == [step for (_, step), _ in parts]


VOCABULARY = """open click type read report wait set the a table orders Status to into and then not all of page amount
    http://shop.test/ {{user}} 'x y' "Save" , . with password sign in as highest file 3 seconds"""
FILLERS = {"and", "then", "please", "now", "first", "next", "finally", "afterwards", "after", "that"}


@unhurried
@given(
    st.lists(
        st.sampled_from(re.findall(r"\S+", VOCABULARY)),
        max_size=14,
    ).map(" ".join)
    | NAMES
    | st.text(max_size=60)
)
def test_whatever_is_accepted_is_carried_out_to_the_last_word(task: str) -> None:
    """Nothing that the user wrote is dropped in silence: the steps together are the text."""
    try:
        written = parse(task, SECRETS)
    except NotUnderstoodError:
        return
    words = re.findall(r"\w+", task.casefold())
    for step in written:
        for word in re.findall(r"\w+", step.text.casefold()):
            words.remove(word)
    assert {word for word in words if not word.isdigit()} <= FILLERS
    assert all(type(step.step) in STEPS for step in written)


@pytest.mark.parametrize("kind", STEPS, ids=lambda kind: kind.__name__)
def test_every_form_of_the_grammar_stands_in_the_documentation(kind: Any) -> None:
    for form in kind.forms:
        assert form.text in PAGE


EXAMPLES = re.findall(r"^\d+\. `([^`]+)`$", PAGE.split("## Twenty examples")[1], re.MULTILINE)


def test_all_twenty_examples_of_the_documentation_run_one_after_the_other(server: LocalServer, session: str) -> None:
    assert len(EXAMPLES) == 20
    file = {"fileName": "receipt.pdf", "contentType": "application/pdf", "sizeBytes": 8}
    answer = server.http.post(f"/files/sessions/{session}/presigned-url", json=file).json()
    web.post(answer["url"], data=answer["fields"], files={"file": b"%PDF-1.4"}).raise_for_status()
    outputs = []
    for example in EXAMPLES:
        task = example.replace("http://127.0.0.1:8790", server.site)
        ended = server.run(task, sessionId=session, secrets=running_server.SECRETS)
        assert ended["isSuccess"], f"{example}\n{ended['output']}"
        outputs.append(ended["output"])
    assert outputs[5] == "Carrier: DHL"
    assert outputs[7].startswith("Carrier: UPS\nTracking number: 1Z999AA10123456799")
    assert outputs[8] == "Customer: Katherine Johnson"
    assert outputs[19] == f"page title: Orders\npage address: {server.site}/shop/orders\nheading: Orders"


_TOKEN = re.compile(r"\[([^\]]+)\]|\(([^)]+)\)|<(\w+)>|(\S+)")
OPERANDS = {
    "url": st.sampled_from(["http://shop.test/a?b=c", "https://shop.test", "shop.test/orders"]),
    "key": st.sampled_from(["Enter", "escape", "TAB"]),
    "number": st.integers(0, 600).map(str),
}


@st.composite
def written_forms(draw: st.DrawFn) -> tuple[str, type, dict[str, str]]:
    """A step in any of the forms that the documentation shows, with any choice and any quoted operand."""
    kind, form = draw(st.sampled_from([(kind, form) for kind in STEPS for form in kind.forms]))
    words: list[str] = []
    operands = {}
    for optional, choice, operand, word in _TOKEN.findall(form.text):
        if operand in OPERANDS:
            operands[operand] = draw(OPERANDS[operand])
            words.append(operands[operand])
        elif operand:
            operands[operand] = draw(QUOTED)
            words.append(quoted(operands[operand]))
        elif choice:
            words.append(draw(st.sampled_from(choice.split("|"))))
        elif word or draw(st.booleans()):
            words.append(word or draw(st.sampled_from(optional.split("|"))))
    return " ".join(words), kind, operands


def plain(value: Any) -> str:
    """A field of a step as it was written."""
    return value.text if isinstance(value, Value) else value[0] if isinstance(value, tuple) else value


@unhurried
@given(written_forms())
def test_whatever_the_grammar_allows_is_accepted_as_that_step_with_those_operands(
    written: tuple[str, type, dict[str, str]],
) -> None:
    text, kind, operands = written
    (step,) = steps(text)
    assert type(step) is kind
    assert {name: plain(value) for name, value in vars(step).items() if value is not None} == operands


WISHES = st.sampled_from(
    ["buy the cheapest flight", "scroll down", "summarize", "if it is open, close it", "translate the page for me"]
)


@unhurried
@given(st.lists(st.one_of(*PIECES), max_size=3), WISHES, st.integers(0, 3))
def test_one_part_that_is_no_step_refuses_the_whole_task_and_is_named(
    parts: list[tuple[str, Any]], wish: str, place: int
) -> None:
    clauses = [text for text, _ in parts]
    clauses.insert(place, wish)
    with pytest.raises(NotUnderstoodError) as refusal:
        parse(". ".join(clauses), SECRETS)
    assert wish in str(refusal.value)
