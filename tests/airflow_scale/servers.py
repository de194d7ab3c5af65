"""PostgreSQL and Redis of the machine, in processes of the test's own, on loopback, for nothing but this test.

Run as a program, it installs Debian's packages where they are missing and that can be done.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from demo import debian
from demo.ports import free_port
from demo.programs import Programs, machine_environment
from demo.waiting import until


class ServerError(Exception):
    """A server is missing."""


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """A new, empty PostgreSQL; its database as `user:password@host:port/name`.

    Raises:
        ServerError: It is not installed.
    """
    password = secrets.token_urlsafe(16)
    port = free_port()
    programs = find_postgresql()
    # Not pytest's folder: nobody but its owner may enter that, and that is root where root runs the tests.
    with tempfile.TemporaryDirectory(prefix="postgresql-of-the-tests-") as folder:
        data, password_file = Path(folder) / "data", Path(folder) / "password"
        password_file.write_text(password)
        owner = _not_root()
        for path in (Path(folder), password_file):
            shutil.chown(path, owner.get("user"), owner.get("group"))
        options = ["-A", "scram-sha-256", "-U", "airflow", "--pwfile", str(password_file), "--no-sync"]
        subprocess.run([programs / "initdb", "-D", data, *options], check=True, stdout=subprocess.DEVNULL, **owner)
        settings = ["listen_addresses=127.0.0.1", f"port={port}", "unix_socket_directories=", "fsync=off"]
        command = [str(programs / "postgres"), "-D", str(data), *(f"--{setting}" for setting in settings)]
        with _running("postgresql", command, port, Path(folder), **owner):
            yield f"airflow:{password}@127.0.0.1:{port}/postgres"


@contextlib.contextmanager
def redis() -> Iterator[str]:
    """A new, empty Redis; its URL.

    Raises:
        ServerError: It is not installed.
    """
    password = secrets.token_urlsafe(16)
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="redis-of-the-tests-") as folder:
        configuration = Path(folder) / "redis.conf"  # not arguments, which everybody on the machine can read
        configuration.write_text(f'bind 127.0.0.1\nport {port}\nrequirepass "{password}"\nsave ""\ndir {folder}\n')
        with _running("redis", [find_redis(), str(configuration)], port, Path(folder)):
            yield f"redis://default:{password}@127.0.0.1:{port}/0"


def find_postgresql() -> Path:
    """The folder of its programs, which Debian does not put on the PATH.

    Raises:
        ServerError: It is not installed.
    """
    debians = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    found = shutil.which("initdb") or shutil.which("initdb", path=os.pathsep.join(map(str, reversed(debians))))
    if not found:
        raise ServerError("PostgreSQL is missing")
    return Path(found).resolve().parent


def find_redis() -> str:
    """Its server.

    Raises:
        ServerError: It is not installed.
    """
    found = shutil.which("redis-server")
    if not found:
        raise ServerError("Redis is missing")
    return found


PACKAGES = {"postgresql": find_postgresql, "redis-server": find_redis}


def missing() -> list[str]:
    """Debian's packages for what is not installed."""
    packages = []
    for package, find in PACKAGES.items():
        try:
            find()
        except ServerError:
            packages.append(package)
    return packages


def main() -> int:
    """Installs what is missing."""
    if packages := missing():
        debian.install(*packages)
    if packages := missing():
        print(f"Not installed: {', '.join(packages)}. As root: `apt install {' '.join(packages)}`.", file=sys.stderr)
        return 1
    return 0


@contextlib.contextmanager
def _running(name: str, command: list[str], port: int, folder: Path, **options: Any) -> Iterator[None]:
    programs = Programs(folder)
    try:
        programs.start(name, command, machine_environment(), **options)
        until(f"{name} answers", lambda: _answers(port), 30, check=programs.check)
        yield
    finally:
        programs.close(signal.SIGINT)  # PostgreSQL would wait for its clients on SIGTERM


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _not_root() -> dict[str, Any]:
    """PostgreSQL refuses to run as root. Debian's package makes a user for it."""
    if os.geteuid():
        return {}
    user = pwd.getpwnam("postgres")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


if __name__ == "__main__":
    sys.exit(main())
