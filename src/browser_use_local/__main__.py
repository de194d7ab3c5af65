"""The command `browser-use-local`, also as `python -m browser_use_local`."""

from __future__ import annotations

import sys


def main() -> int:
    """Runs the command, or says what to install where the packages of the extra `local` are missing.

    Returns:
        The exit status.
    """
    try:
        from browser_use_local.cli import main as run
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        print(
            f"browser-use-local: The local server needs packages that are not installed ({missing} is missing):"
            " `pip install '.[local]'` in a clone of the repository, or `pip install 'browser-use-client[local]'`.",
            file=sys.stderr,
        )
        return 1
    return run()


if __name__ == "__main__":
    sys.exit(main())
