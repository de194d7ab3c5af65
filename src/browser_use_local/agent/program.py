"""The program that runs in the agent's environment: carries out one task with browser-use, in a browser that runs.

The server starts it with `python -I program.py` and speaks with it in lines of JSON. It sends the task, and the program
answers with each step (`{"step": ...}`) and waits for a line that lets it go on. An answer that has a schema
(`{"answer": ...}`) is held against it by the server, which says what does not fit (`{"faults": ...}`). In the end it
sends how the task ended (`{"end": ...}`), or why it could not be carried out (`{"failed": ...}`). When the server is
gone, so is the program.
"""

from __future__ import annotations

import asyncio
import json
import os
import queue
import re
import sys
import threading
from typing import Annotated, Any

from browser_use import Agent, BrowserProfile, BrowserSession, ChatAnthropic, ChatOllama, ChatOpenAI
from browser_use import Tools as AllTools
from browser_use.agent.views import ActionResult
from browser_use.browser.watchdogs.aboutblank_watchdog import AboutBlankWatchdog
from browser_use.llm.exceptions import ModelProviderError
from pydantic import AfterValidator, RootModel, ValidationError
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

Json = dict[str, Any]

# What the agent's own clients do about rate limits and models that are down, with growing waits in between.
MODEL_RETRIES = 5
MAX_REFERENCES = 12
GOAL_WITHOUT_ANSWER = "Ask the model for the next step."


class Wire:
    """The lines to and from the server. What anything else prints goes to the standard error."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def send(self, message: Json) -> None:
        """Sends a line."""
        self._out.write(json.dumps(message) + "\n")
        self._out.flush()

    def receive(self) -> Any:
        """The next line, as soon as it is there."""
        return json.loads(self._lines.get())

    def _listen(self) -> None:
        for line in sys.stdin:
            self._lines.put(line)
        os._exit(1)


class Tools(AllTools):  # type: ignore[misc] # it is Any where browser-use is not installed
    """The agent's tools, without local files and with secrets that stay out of pictures.

    Args:
        mark: The attribute of fields that pictures leave out.
        secret_hosts: The hosts that a secret is for, where it is not for all.
    """

    def __init__(self, mark: str, secret_hosts: dict[str, list[str]]) -> None:
        super().__init__()
        self._secret_hosts = secret_hosts
        self._mark = f"function () {{ this.setAttribute({json.dumps(mark)}, '') }}"

    async def act(self, action: Any, browser_session: Any, **context: Any) -> Any:
        """Carries out one action."""
        ((name, parameters),) = action.model_dump(exclude_unset=True).items()
        secrets = context.get("sensitive_data") or {}
        if name == "navigate" and not _is_web_url(parameters["url"]):
            return ActionResult(error=f"Only http and https URLs can be opened, not {parameters['url']}")
        if problem := await self._out_of_place(name, parameters, browser_session):
            return ActionResult(error=problem)
        if name == "input" and ("<secret>" in parameters["text"] or parameters["text"] in secrets):
            await self._leave_out(await browser_session.get_element_by_index(parameters["index"]), browser_session)
        return await super().act(action=action, browser_session=browser_session, **context)

    async def _out_of_place(self, name: str, parameters: Json, browser_session: Any) -> str | None:
        """Why an action may not have the secrets that it names: one that has hosts is typed on their pages only."""
        said = [value for value in (parameters or {}).values() if isinstance(value, str)]
        named = [
            secret
            for secret in self._secret_hosts
            if any(f"<secret>{secret}</secret>" in text or text == secret for text in said)
        ]
        if not named or name == "done":  # what it reports is masked
            return None
        if name != "input":
            return f"The secret {named[0]} can be typed into a field, and used for nothing else"
        node = await browser_session.get_element_by_index(parameters["index"])
        host = await _call(_HOST_OF_DOCUMENT, node, browser_session) if node else None
        for secret in named:
            hosts = self._secret_hosts[secret]
            if not host or not any(_is_of_host(host, one) for one in hosts):
                return f"The secret {secret} is for pages of {', '.join(hosts)} only, and this is one of {host}"
        return None

    async def _leave_out(self, node: Any, browser_session: Any) -> None:
        """Marks a field before a secret is typed into it."""
        if node is not None:
            await _call(self._mark, node, browser_session)


def _is_of_host(host: str, named: str) -> bool:
    """Whether a host is the one that is named, or a subdomain of it; IP addresses have none."""
    return host == named or (host.endswith(f".{named}") and not host.rpartition(".")[2].isdigit())


# The document of a field, which may be in a frame of another host.
_HOST_OF_DOCUMENT = "function () { return this.ownerDocument.location.hostname }"


async def _call(function: str, node: Any, browser_session: Any) -> Any:
    """Calls a function of JavaScript on an element of the page. Returns its value."""
    cdp = await browser_session.cdp_client_for_node(node)
    dom, runtime = cdp.cdp_client.send.DOM, cdp.cdp_client.send.Runtime
    found = await dom.resolveNode(params={"backendNodeId": node.backend_node_id}, session_id=cdp.session_id)
    call = {"functionDeclaration": function, "objectId": found["object"]["objectId"], "returnByValue": True}
    return (await runtime.callFunctionOn(params=call, session_id=cdp.session_id))["result"].get("value")


class NoScreenshots:
    """What the agent keeps of its screenshots: nothing, since secrets may be in them."""

    async def store_screenshot(self, *_: Any) -> None:
        """Keeps none."""


async def _nothing(*_: Any) -> None:
    """What is shown on empty pages: not the agent's screensaver, whose logo comes from its maker's server."""


AboutBlankWatchdog._show_dvd_screensaver_loading_animation_cdp = _nothing  # noqa: SLF001


class Run:
    """One task.

    Args:
        request: What the server sent.
        wire: Where the steps go.
    """

    def __init__(self, request: Json, wire: Wire) -> None:
        self._request = request
        self._wire = wire
        self._reported = 0
        self._given: set[str] = set()
        self._trouble: str | None = None
        self._bad_answer: str | None = None

    async def __call__(self) -> Json:
        """Carries it out. Returns the last line to send."""
        request = self._request
        session = BrowserSession(
            cdp_url=request["cdp_url"],
            is_local=True,
            browser_profile=BrowserProfile(
                keep_alive=True,
                # The page has the size of its session already; with another one, masks would miss their fields.
                headless=False,
                no_viewport=True,
                enable_default_extensions=False,
                highlight_elements=request["highlight_elements"],
                downloads_path=request["downloads"],
                allowed_domains=request["allowed_domains"] or None,
            ),
        )
        schema = request["output_schema"]
        agent = Agent(
            request["task"],
            llm=self._model(),
            browser_session=session,
            tools=Tools(request["mark"], request["secret_hosts"]),
            sensitive_data=request["secrets"] or None,
            initial_actions=_open(request["start_url"]),
            output_model_schema=_output_model(schema, self._wire) if schema is not None else None,
            use_vision=request["vision"],
            use_thinking=request["thinking"],
            flash_mode=request["flash_mode"],
            extend_system_message=request["instructions"] or None,
            available_file_paths=request["files"],
            use_judge=False,
            enable_signal_handler=False,
        )
        agent.screenshot_service = NoScreenshots()
        history = await agent.run(max_steps=request["max_steps"], on_step_end=self._report)
        if self._trouble:
            return {"failed": f"The model {request['model']['text']} cannot be used: {self._trouble}"}
        if history.is_done():
            return {"end": {"output": history.final_result() or "", "is_success": bool(history.is_successful())}}
        if agent.state.n_steps > request["max_steps"]:
            output = f"The agent did not finish within maxSteps, which is {request['max_steps']}."
            return {"end": {"output": output, "is_success": False}}
        if self._bad_answer:
            return {
                "failed": f"The model {request['model']['text']} did not answer in the way that the agent needs,"
                f" several times: {self._bad_answer}"
            }
        error = next((one for one in reversed(history.errors()) if one), "the browser does not answer")
        return {"failed": f"The agent gave up: {error}"}

    async def _report(self, agent: Any) -> None:
        """Tells the server of what was done, and waits until the next step may start."""
        if self._trouble:
            agent.stop()
        new = agent.history.history[self._reported :]
        self._reported += len(new)
        for item in new:
            step = self._step(item, agent.browser_session.downloaded_files)
            self._wire.send({"step": {**step, **_tokens(agent)}})
            await asyncio.to_thread(self._wire.receive)

    def _step(self, item: Any, downloads: list[str]) -> Json:
        said = item.model_output
        errors = "; ".join(result.error for result in item.result if result.error)
        if said is None:
            errors = self._bad_answer or errors
        attachments = [path for result in item.result for path in result.attachments or []]
        files = [path for path in dict.fromkeys([*downloads, *attachments]) if path not in self._given]
        self._given.update(files)
        return {
            "goal": (said.next_goal or said.memory or "") if said else GOAL_WITHOUT_ANSWER,
            "evaluation": f"Failed: {errors}" if errors else (said and said.evaluation_previous_goal) or "",
            "memory": (said and said.memory) or "",
            "actions": [action.model_dump(mode="json", exclude_none=True) for action in said.action] if said else [],
            "duration": item.metadata.step_end_time - item.metadata.step_start_time,
            "files": files,
        }

    def _model(self) -> Any:
        """The user's model, watched for what goes wrong with it."""
        provider, name, url = (self._request["model"][key] for key in ("provider", "name", "url"))
        model: Any
        if provider == "anthropic":
            model = ChatAnthropic(model=name, max_retries=MODEL_RETRIES)
        elif provider == "ollama":
            model = ChatOllama(model=name)
        else:
            # A server of one's own needs no key, but its client does.
            key = os.environ.get("OPENAI_API_KEY") or ("none" if url else None)
            model = ChatOpenAI(model=name, base_url=url, api_key=key, max_retries=MODEL_RETRIES)
        invoke = model.ainvoke

        async def watched(*arguments: Any, **options: Any) -> Any:
            self._bad_answer = None
            try:
                return await invoke(*arguments, **options)
            except ModelProviderError as error:
                # Without a cause, or with this one, the model did answer, and the agent asks it again.
                if isinstance(error.__cause__, ValidationError | None):
                    self._bad_answer = _short(error)
                else:
                    self._trouble = error.message
                raise

        model.ainvoke = watched
        return model


def _tokens(agent: Any) -> Json:
    """How many tokens the model has read and written so far, as far as it tells."""
    used = [entry.usage for entry in agent.token_cost_service.usage_history]
    if not used:
        return {}
    return {
        "input_tokens": sum(usage.prompt_tokens for usage in used),
        "output_tokens": sum(usage.completion_tokens for usage in used),
    }


def _short(error: ModelProviderError) -> str:
    """What is wrong with an answer: of all that does not fit, what says most. The answer itself is left out."""
    if not isinstance(error.__cause__, ValidationError):
        return str(error.message)
    faults = error.__cause__.errors(include_url=False, include_input=False, include_context=False)
    fault = next((one for one in faults if one["type"] == "value_error"), faults[0])
    where = ".".join(map(str, fault["loc"]))
    return f"{where}: {fault['msg']}" if where else fault["msg"]


def _is_web_url(url: str) -> bool:
    """The server's `is_web_url`, which this program cannot import."""
    scheme = re.match(r"([a-z][a-z0-9+.-]*):", re.sub(r"[\x00-\x20]", "", url), re.IGNORECASE)
    return scheme is None or "." in scheme[1] or scheme[1].lower() in {"http", "https", "localhost"}


def _open(url: str | None) -> list[Json] | None:
    return [{"navigate": {"url": url, "new_tab": False}}] if url else None


def _output_model(schema: Json, wire: Wire) -> Any:
    """A model of what the schema describes: the agent shows it to the language model and reads the answer with it."""

    def check(value: Any) -> Any:
        wire.send({"answer": value})
        if faults := wire.receive()["faults"]:
            raise ValueError(faults)
        return value

    references = Registry().with_resource("", DRAFT202012.create_resource(schema)).resolver()

    class Output(RootModel[Annotated[Any, AfterValidator(check)]]):
        @classmethod
        def __get_pydantic_json_schema__(cls, *_: Any) -> Json:
            inlined: Json = _inlined(schema, references)
            return inlined

    return Output


def _inlined(node: Any, references: Any, depth: int = 0) -> Any:
    """A schema without references, since it becomes a part of a larger one."""
    if isinstance(node, list):
        return [_inlined(item, references, depth) for item in node]
    if not isinstance(node, dict):
        return node
    reference = node.get("$ref")
    if isinstance(reference, str) and reference.startswith("#"):
        if depth > MAX_REFERENCES:
            return {}
        try:
            found = references.lookup(reference).contents
        except (Unresolvable, TypeError, ValueError):  # the server says what is wrong with it
            found = {}
        rest = {key: value for key, value in node.items() if key != "$ref"}
        return _inlined({**(found if isinstance(found, dict) else {}), **rest}, references, depth + 1)
    kept = {key: value for key, value in node.items() if key not in {"$defs", "definitions"}}
    return {key: _inlined(value, references, depth) for key, value in kept.items()}


def main() -> None:
    """Carries out the task that the first line orders."""
    wire = Wire()
    request = wire.receive()
    try:
        last = asyncio.run(Run(request, wire)())
    except Exception as error:  # noqa: BLE001 - whatever went wrong, the server says it
        last = {"failed": f"The agent broke down: {type(error).__name__}: {error}"}
    wire.send(last)
    os._exit(0)


if __name__ == "__main__":
    main()
