"""Who may see a session, and who may do something to it."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request

from browser_use_local.api.http import local, path_id
from browser_use_local.api.signed import check_signature
from browser_use_local.records import Conversation, ConversationShare, Session, Share

# A page of another site can send this header nowhere unasked: so none can stop or steer a session here.
FROM_OUR_PAGE = "X-Browser-Use-Live"


def check_access(request: Request, path: str) -> None:
    """A server without an API key shows its sessions to whoever can reach it; one with a key wants the signature."""
    if local(request).settings.api_key is not None:
        check_signature(request, path)


def session_of(request: Request) -> Session:
    """The session that the path names, by its id or by the token of its public share."""
    token = request.path_params.get("token")
    if token is None:
        session_id = path_id(request, "session_id")
        check_access(request, f"/live/{session_id}")
    else:
        session_id = _shared(request, token)
    session = local(request).store.get(Session, id=session_id)
    if session is None:
        raise HTTPException(404, "Session not found")
    return session


def session_to_change(request: Request) -> Session:
    """The same, for a request that does something to the session: 403 unless a page of the live view sends it."""
    session = session_of(request)
    if FROM_OUR_PAGE not in request.headers:
        raise HTTPException(403, "Sessions are stopped and steered by the pages of the live view")
    return session


def _shared(request: Request, token: str) -> str:
    """The session of a public link: of one of v4 the browser of its latest run."""
    here = local(request)
    if share := here.store.get(Share, token=token):
        return share.session_id
    public = here.store.get(ConversationShare, token=token, is_active=True)
    conversation = here.store.get(Conversation, id=public.conversation_id) if public else None
    latest = here.conversations.latest(conversation) if conversation else None
    return latest.session_id if latest else ""
