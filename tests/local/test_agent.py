"""The engine `agent`: the real browser-use agent in an environment of its own; the model answers from a script."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from . import running_server, web
from .running_server import SECRETS, Json, LocalServer, chromiums, client
from .scripted_model import Move, ScriptedModel, click, done, element, say, scripted_model

PYTHON = Path(__file__).parents[2] / ".build" / "env" / "agent" / "bin" / "python"
KEY = "sk-the-key-of-the-model-0123456789"

pytestmark = pytest.mark.skipif(
    not PYTHON.exists(), reason="the agent's environment is not there: it needs Python 3.11"
)


@pytest.fixture(scope="module")
def model() -> Iterator[ScriptedModel]:
    with scripted_model() as running:
        yield running


def agent_server(folder: Path, model: str, **environment: str) -> LocalServer:
    options = ("--engine", "agent", "--model", model, "--agent-python", str(PYTHON), "--demo-site")
    return LocalServer(folder / "data", *options, env=environment)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, model: ScriptedModel) -> Iterator[LocalServer]:
    """As a user of OpenAI starts it."""
    folder = tmp_path_factory.mktemp("agent")
    environment = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"{model.url}/v1"}
    running = agent_server(folder, "openai:gpt-4.1", **environment)
    yield running
    assert running.end() == 0
    written = running.everything_written()
    for secret in (KEY, SECRETS["shop_password"]):
        assert secret.encode() not in written
    assert running.log.read_text() == ""


@pytest.fixture(autouse=True)
def script_was_right(model: ScriptedModel) -> Iterator[None]:
    yield
    assert model.mistakes == []


def programs(server: LocalServer) -> list[int]:
    """The agent's processes that a server has started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
        except OSError:
            continue
        if b"agent/program.py" in command and str(server.data_dir).encode() in environment:
            found.append(int(folder.name))
    return found


def open_shop(server: LocalServer) -> Move:
    return say({"navigate": {"url": f"{server.site}/shop/"}})


def sign_in(prompt: str) -> list[Json]:
    return [
        {"input": {"index": element(prompt, "name=user"), "text": "<secret>shop_user</secret>"}},
        {"input": {"index": element(prompt, "type=password"), "text": "<secret>shop_password</secret>"}},
        {"click": {"index": element(prompt, "^<button")}},
    ]


ORDERS: Json = {
    "type": "object",
    "properties": {"orders": {"type": "array", "items": {"$ref": "#/$defs/Order"}}},
    "required": ["orders"],
    "$defs": {
        "Order": {
            "type": "object",
            "properties": {"number": {"type": "string"}, "amount": {"type": "number"}},
            "required": ["number", "amount"],
        }
    },
}


def test_it_signs_in_with_secrets_that_the_model_never_sees_and_follows_up_in_the_same_page(
    server: LocalServer, model: ScriptedModel, session: str
) -> None:
    model.play(open_shop(server), sign_in, done("You are in, and the password is browser-use-demo."))
    task = "Sign in to the shop as {{shop_user}} with shop_password."
    first = server.run(task, sessionId=session, secrets=SECRETS, systemPromptExtension="Be quick about it.")
    assert (first["status"], first["isSuccess"]) == ("finished", True)
    assert first["output"] == "You are in, and the password is {{shop_password}}."
    # Three answers of the model, as it counts them itself.
    live = web.get(server.http.get(f"/sessions/{session}").json()["liveUrl"]).text
    assert "3,600 + 102 tokens" in live
    assert "3,600 + 102 tokens" in web.get(server.live).text
    navigated, typed, ended = first["steps"]
    assert [step["nextGoal"] for step in (navigated, typed, ended)] == [
        "Do navigate",
        "Do input, input, click",
        "Do done",
    ]
    assert typed["url"] == f"{server.site}/shop/orders"
    assert typed["memory"] == "Move 2"
    assert json.loads(typed["actions"][0])["input"]["text"] == "<secret>shop_user</secret>"
    assert web.get(typed["screenshotUrl"]).headers["Content-Type"] == "image/jpeg"
    assert "Sign in to the shop as <secret>shop_user</secret> with shop_password." in model.asked[0]
    assert "Be quick about it." in model.asked[0]
    assert not any(SECRETS["shop_password"] in prompt for prompt in model.asked)
    assert model.keys == {f"Bearer {KEY}"}

    # The answer lacks an amount: the model is told, and answers better.
    model.play(
        done(data={"orders": [{"number": "A-1001"}]}), done(data={"orders": [{"number": "A-1001", "amount": 5}]})
    )
    more = server.run("Read the orders.", sessionId=session, structuredOutput=json.dumps(ORDERS), vision=False)
    assert json.loads(more["output"]) == {"orders": [{"number": "A-1001", "amount": 5}]}
    assert more["isSuccess"]
    assert more["steps"][0]["evaluationPreviousGoal"].endswith("orders.0: 'amount' is a required property")
    assert "A-1010" in model.asked[0], "the page is the one that is signed in"
    assert "Earlier tasks in this browser" in model.asked[0]
    assert "image_url" not in json.dumps(model.bodies)


def test_an_answer_that_takes_too_long_to_check_ends_the_task(
    server: LocalServer, model: ScriptedModel, session: str
) -> None:
    model.play(done(data="a" * 40 + "!"))
    schema = json.dumps({"type": "string", "pattern": "^(a+)+$"})
    task = server.run("Answer.", sessionId=session, structuredOutput=schema)
    assert (task["status"], task["isSuccess"]) == ("finished", False)
    assert "it takes too long to try the patterns" in task["output"]
    assert len(model.asked) == 1


def test_a_short_secret_is_masked_in_values_and_in_no_number(
    server: LocalServer, model: ScriptedModel, session: str
) -> None:
    model.play(done(data={"orders": [{"number": "42", "amount": 42.0}, {"number": "A-42", "amount": 4}]}))
    task = server.run("Read.", sessionId=session, structuredOutput=json.dumps(ORDERS), secrets={"pin": "42"})
    assert json.loads(task["output"]) == {
        "orders": [{"number": "{{pin}}", "amount": 42.0}, {"number": "A-42", "amount": 4}]
    }
    assert task["isSuccess"]


def test_a_field_with_a_secret_is_left_out_of_pictures_from_the_first_letter_on(
    server: LocalServer, model: ScriptedModel, session: str
) -> None:
    model.play(open_shop(server), lambda prompt: sign_in(prompt)[:1], done("Typed."))
    task = server.run("Type the user name.", sessionId=session, secrets={"shop_user": "a-secret-name"})
    assert task["isSuccess"]
    pictures = [web.get(step["screenshotUrl"]).content for step in task["steps"]]
    assert len(pictures) == 3
    model.play(
        say({"evaluate": {"code": "innerWidth + '-' + document.querySelectorAll('[data-browser-use-masked]').length"}}),
        say({"evaluate": {"code": "'Sure? ' + confirm('Sure?')"}}),
        done("Looked."),
    )
    server.run("Look.", sessionId=session)
    assert "1280-1" in model.asked[1], "the one field is marked, and the page has the size that pictures are taken in"
    assert "Sure? true" in model.asked[2]


def test_a_run_of_v4_types_a_secret_into_fields_of_its_hosts_and_uses_it_for_nothing_else(
    server: LocalServer, model: ScriptedModel
) -> None:
    def bound(host: str) -> list[Json]:
        inline = {"type": "inline", "value": "a-secret-name"}
        return [{"alias": "shop_user", "source": inline, "allowedDomains": [host]}]

    look = {"evaluate": {"code": "'held ' + document.querySelector('[name=user]').value.length"}}
    leak = {"navigate": {"url": f"{server.site}/shop/?user=<secret>shop_user</secret>", "new_tab": False}}
    type_it = lambda prompt: sign_in(prompt)[:1]  # noqa: E731
    model.play(open_shop(server), type_it, say(look), done("No.", success=False))
    run = server.run_v4("Type the user name.", secretBindings=bound("shop.test"))
    assert run["status"] == "failed"
    assert "The secret shop_user is for pages of shop.test only, and this is one of 127.0.0.1" in model.asked[2]
    assert "held 0" in model.asked[3]
    model.play(say(leak), type_it, say(look), done("Typed."))
    run = server.run_v4("Type the user name.", sessionId=run["sessionId"], secretBindings=bound("127.0.0.1"))
    assert (run["status"], run["result"]) == ("completed", "Typed.")
    assert "The secret shop_user can be typed into a field, and used for nothing else" in model.asked[1]
    assert "held 13" in model.asked[3]
    events = server.events(run["id"])
    assert [event["type"] for event in events[:3]] == ["run.created", "browser.reattached", "core.event"]
    browser = events[1]["data"]["browser_session_id"]
    server.v4.patch(f"/browsers/{browser}", json={"action": "stop"})


def test_files_go_in_and_out(server: LocalServer, model: ScriptedModel, session: str) -> None:
    answer = server.http.post(
        f"/files/sessions/{session}/presigned-url",
        json={"fileName": "../receipt.pdf", "contentType": "application/pdf", "sizeBytes": 8},
    ).json()
    web.post(answer["url"], data=answer["fields"], files={"file": b"%PDF-1.4"}).raise_for_status()

    def upload(prompt: str) -> list[Json]:
        path = re.findall(r"/\S+/_receipt\.pdf", prompt)[-1]
        return [{"upload_file": {"index": element(prompt, "^<input name=receipt"), "path": path}}]

    model.play(
        open_shop(server),
        sign_in,
        click("Orders as CSV"),
        say({"navigate": {"url": f"{server.site}/shop/returns"}}),
        upload,
        done("Both done."),
    )
    task = server.run("Download the orders, then upload the receipt.", sessionId=session, secrets=SECRETS)
    assert task["isSuccess"]
    assert [
        step["evaluationPreviousGoal"] for step in task["steps"] if "Failed" in step["evaluationPreviousGoal"]
    ] == []
    (out,) = task["outputFiles"]
    assert out["fileName"] == "orders.csv"
    url = server.http.get(f"/files/tasks/{task['id']}/output-files/{out['id']}").json()["downloadUrl"]
    assert "A-1007" in web.get(url).text


def test_only_web_pages_of_the_allowed_domains_are_opened(
    server: LocalServer, model: ScriptedModel, session: str
) -> None:
    host = server.site.replace("127.0.0.1", "localhost")
    model.play(
        say({"navigate": {"url": "file:///etc/passwd"}}),
        say({"navigate": {"url": "chrome://version"}}),
        say({"navigate": {"url": f"{host}/shop/"}}),
        done("None of them.", success=False),
    )
    task = server.run("Look around.", sessionId=session, startUrl=f"{server.site}/shop/", allowedDomains=["127.0.0.1"])
    assert (task["status"], task["isSuccess"], task["output"]) == ("finished", False, "None of them.")
    *_, local_file, inside, elsewhere, _ = (step["evaluationPreviousGoal"] for step in task["steps"])
    assert local_file == "Failed: Only http and https URLs can be opened, not file:///etc/passwd"
    assert inside.startswith("Failed: Only http and https")
    assert elsewhere.startswith("Failed")
    assert task["steps"][0]["url"] == f"{server.site}/shop/"
    assert "localhost" not in {step["url"].split("/")[2].split(":")[0] for step in task["steps"] if "//" in step["url"]}


def test_it_waits_while_it_is_paused_and_a_stop_ends_it_at_once_with_the_browser_still_there(
    server: LocalServer, model: ScriptedModel
) -> None:
    model.play(open_shop(server), say({"wait": {"seconds": 1}}))
    task = server.create("Go on and on.", agentSettings={})
    while not server.task(task["id"])["steps"]:
        time.sleep(0.05)
    server.http.patch(f"/tasks/{task['id']}", json={"action": "pause"})
    time.sleep(3)  # more than a step takes
    asked = len(model.asked)
    time.sleep(3)
    assert len(model.asked) == asked
    server.http.patch(f"/tasks/{task['id']}", json={"action": "resume"})
    server.wait(task["id"], {"started"})
    while len(model.asked) == asked:
        time.sleep(0.05)
    assert programs(server)
    server.http.patch(f"/tasks/{task['id']}", json={"action": "stop"})
    assert server.task(task["id"])["status"] == "stopped"
    assert programs(server) == []

    model.play(done("Still here."))
    more = server.run("Look.", browserSettings={"sessionId": task["sessionId"]})
    assert (more["output"], more["steps"][0]["url"]) == ("Still here.", f"{server.site}/shop/")
    server.http.delete(f"/sessions/{task['sessionId']}")


def test_a_task_that_takes_too_many_steps_is_not_successful(
    server: LocalServer, model: ScriptedModel, session: str
) -> None:
    model.play(say({"wait": {"seconds": 0}}))
    task = server.run("Wait.", sessionId=session, maxSteps=1, flashMode=True)
    assert (task["status"], task["isSuccess"]) == ("finished", False)
    assert task["output"] == "The agent did not finish within maxSteps, which is 1."


def raw(text: str) -> str:
    message = {"role": "assistant", "content": text}
    return json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            (200, raw("I would rather not.")),
            "did not answer in the way that the agent needs, several times: Invalid JSON",
        ),
        ((401, json.dumps({"error": {"message": f"Incorrect key {KEY}"}})), "cannot be used: Error code: 401 - "),
    ],
)
def test_a_model_that_answers_badly_fails_the_task_with_what_it_said(
    server: LocalServer, model: ScriptedModel, session: str, answer: tuple[int, str], said: str
) -> None:
    model.play(lambda _: answer)
    task = server.run("Do it.", sessionId=session)
    assert (task["status"], task["isSuccess"]) == ("failed", False)
    assert f"The model openai:gpt-4.1 {said}" in task["output"]
    assert KEY not in json.dumps(task)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_agent_outlives_its_server(tmp_path: Path, model: ScriptedModel, number: signal.Signals) -> None:
    server = agent_server(tmp_path, f"{model.url}/v1#any")
    model.play(say({"wait": {"seconds": 30}}))
    server.create("Wait.")
    while not model.asked:
        time.sleep(0.05)
    assert programs(server)
    server.end(number)
    while programs(server) or chromiums(server.data_dir):
        time.sleep(0.05)


def test_claude_is_asked_in_anthropics_words_from_the_command_line_too(tmp_path: Path, model: ScriptedModel) -> None:
    environment = {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": model.url}
    server = agent_server(tmp_path, "anthropic:claude-sonnet-4-6", **environment)
    try:
        model.play(done("Asked."))
        result = client("run", "Answer.", "--url", server.url, "--api-key", running_server.KEY)
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout == "  1. Do done  (As expected. Verdict: Success)\n\nAsked.\n"
        assert client("status", "--url", server.url, "--api-key", running_server.KEY).returncode == 0
        assert model.keys == {KEY}
        assert model.bodies[0]["model"] == "claude-sonnet-4-6"
    finally:
        assert server.end() == 0


def test_a_python_without_the_agent_fails_the_task_and_leaves_the_session_in_order(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho no agent here >&2\nexit 3\n")
    python.chmod(0o755)
    options: tuple[Any, ...] = ("--engine", "agent", "--model", "ollama:llama3", "--agent-python", str(python))
    server = LocalServer(tmp_path / "data", *options)
    try:
        session = server.session()
        task = server.run("Do it.", sessionId=session)
        assert (task["status"], task["session"]["status"]) == ("failed", "active")
        assert task["output"] == "The agent's process ended unexpectedly: no agent here"
    finally:
        assert server.end() == 0
