"""The live view: sessions as they are now, at `/live` and `/live/{session_id}`; shared ones at `/share/{token}`.

Who may see a session at /live may also stop it there, and take its browser over. A share shows what happens, and
nothing more.
"""

from __future__ import annotations

from starlette.routing import Route

from browser_use_local.live import controls, pages

ROUTES = [
    Route("/live", pages.index),
    Route("/live/static/{name}", pages.static),
    Route("/live/{session_id}/stop", controls.stop, methods=["POST"]),
    Route("/live/{session_id}/control", controls.control, methods=["POST"]),
    *(
        Route(f"{start}{end}", endpoint)
        for start in ("/live/{session_id}", "/share/{token}")
        for end, endpoint in (("", pages.session), ("/picture", pages.picture))
    ),
]
