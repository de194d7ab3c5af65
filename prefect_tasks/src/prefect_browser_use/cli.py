"""`prefect-browser-use live SESSION_ID`: opens the live view of a session for whoever has the API key."""

from __future__ import annotations

import webbrowser

import click

from browser_use_client import BrowserUseError
from prefect_browser_use.inputs import load_credentials


@click.group()
def main() -> None:
    """Look at what Browser Use tasks of Prefect flows do."""


@main.command()
@click.argument("session_id")
@click.option("--block", metavar="NAME", help="A saved BrowserUseCredentials block. Default: BROWSER_USE_API_KEY.")
def live(session_id: str, block: str | None) -> None:
    """Open the live view of a session in your web browser.

    Whoever has its URL can drive the browser of the session, so logs and artifacts name the session only. Where no web
    browser can be opened, the URL is printed.
    """
    try:
        with load_credentials(block).get_client() as client:
            session = client.get_session(session_id)
    except BrowserUseError as error:
        raise click.ClickException(str(error)) from None
    if session.live_url is None or session.status != "active":
        seen = f" Its recording: {session.recording_url}" if session.recording_url else ""
        raise click.ClickException(f"Session {session.id} is {session.status}: there is no browser to watch.{seen}")
    if not webbrowser.open(session.live_url):
        click.echo(session.live_url)


if __name__ == "__main__":
    main()
