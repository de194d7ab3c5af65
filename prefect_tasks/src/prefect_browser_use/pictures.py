"""Pictures that last as long as the artifact that shows them: the URL of one on a server may hold for minutes only."""

from __future__ import annotations

import base64

import httpx

from browser_use_client.network import proxy_to, tls_context
from prefect_browser_use.credentials import BrowserUseCredentials

MAX_PICTURE_BYTES = 1_000_000
"""Of larger ones the URL is shown, to spare Prefect's database."""

PICTURE_REQUEST_SECONDS = 10.0


def embedded(url: str, credentials: BrowserUseCredentials) -> str:
    """A picture as `data:` URL; its own URL where it cannot be had. Blocks.

    Args:
        url: Where it is. It opens without the API key.
        credentials: Say which proxy and which CAs lead there.
    """
    proxy = credentials.proxy.get_secret_value() if credentials.proxy else None
    content = b""
    try:
        with (
            httpx.Client(
                verify=tls_context(credentials.verify),
                proxy=proxy_to(url, proxy),
                trust_env=False,
                timeout=PICTURE_REQUEST_SECONDS,
            ) as http,
            http.stream("GET", url) as response,
        ):
            response.raise_for_status()
            kind = response.headers.get("Content-Type", "image/png").partition(";")[0]
            for piece in response.iter_bytes():
                content += piece
                if len(content) > MAX_PICTURE_BYTES:
                    return url
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return url
    return f"data:{kind};base64,{base64.b64encode(content).decode()}" if kind.startswith("image/") else url
