"""What the pages of the live view do to a session: stop it, and steer its browser for a person who took over."""

from __future__ import annotations

from playwright.async_api import Error
from pydantic import TypeAdapter, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from browser_use_local.api.http import InvalidError, local, nothing, raw_body
from browser_use_local.live.access import session_to_change
from browser_use_local.live.inputs import Input, perform

INPUTS: TypeAdapter[list[Input]] = TypeAdapter(list[Input])


async def stop(request: Request) -> Response:
    """POST /live/{session_id}/stop: stops the session, and the task in it."""
    session = session_to_change(request)
    await local(request).tasks.stop_session(session.id)
    return nothing()


async def control(request: Request) -> Response:
    """POST /live/{session_id}/control: mouse, keys and the like, in order; starts the browser where there is none.

    Answers with what the page asked meanwhile, and what it was answered.
    """
    session = session_to_change(request)
    here = local(request)
    if not here.settings.control:
        raise HTTPException(403, "This server was started with --no-control: its browsers can be watched only")
    active = here.sessions.get(session.id)
    if active is None:
        raise HTTPException(409, "The session was stopped: there is no browser to take over")
    try:
        inputs = INPUTS.validate_json(await raw_body(request))
    except ValidationError as error:
        raise InvalidError.of(error, "body") from None
    browser = await here.sessions.browser(active)
    here.sessions.touch(active)
    said = len(browser.dialogs)
    try:
        for item in inputs:
            await perform(item, browser)
    except Error as error:
        raise HTTPException(409, f"That did not work: {error.message.splitlines()[0]}") from error
    return JSONResponse({"said": [dialog.said for dialog in browser.dialogs[said:]]})
