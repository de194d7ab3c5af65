"""The official SDKs as judges: each drives the server from an environment of its own; the later one also through Prism,
which holds every request and every response against the published contract.
"""

from __future__ import annotations

import ast
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

import pytest

from demo.ports import free_port

from .running_server import KEY, LocalServer

HERE = Path(__file__).parent / "official_sdks"
REPOSITORY = Path(__file__).parents[2]
PRISM = REPOSITORY / ".build" / "prism" / "node_modules" / ".bin" / "prism"
CONTRACT = REPOSITORY.parent / "shared" / "contracts" / "v2-flat.openapi.json"
JUDGES = {"nested": "nested", "flat": "flat", "prism": "flat"}


def checks(sdk: str) -> list[str]:
    names = [
        node.name for node in ast.parse((HERE / f"{sdk}.py").read_text()).body if isinstance(node, ast.FunctionDef)
    ]
    return [name for name in names if name.startswith("check_")]


@contextmanager
def prism(url: str, log: Path) -> Iterator[str]:
    """Prism in front of a server: where it finds that the contract is broken, it answers with an error instead."""
    if not PRISM.exists():
        pytest.skip("Prism is not there: make prism, where Node is")
    if not CONTRACT.exists():
        pytest.skip(f"the published contract is not there: {CONTRACT.name}")
    port = free_port()
    command = [str(PRISM), "proxy", str(CONTRACT), url, "--port", str(port), "--errors"]
    with log.open("w") as file, subprocess.Popen(command, stdout=file, stderr=file) as process:
        try:
            while "Prism is listening" not in log.read_text():
                assert process.poll() is None, log.read_text()
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def judge(server: LocalServer, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, str]]:
    """Runs all checks of a judge, once, and says what came of each."""

    @cache
    def judge(name: str) -> dict[str, str]:
        python = REPOSITORY / ".build" / "env" / f"sdk-{JUDGES[name]}" / "bin" / "python"
        if not python.exists():
            pytest.skip(f"the environment of this SDK is not there: make .build/env/sdk-{JUDGES[name]}/.ready")
        with ExitStack() as stack:
            url = server.url
            if name == "prism":
                url = stack.enter_context(prism(server.url, tmp_path_factory.mktemp("prism") / "log"))
            command = [str(python), str(HERE / f"{JUDGES[name]}.py"), url, KEY, server.site]
            ran = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert ran.returncode == 0, ran.stderr
        return dict(json.loads(ran.stdout))

    return judge


@pytest.mark.parametrize(("name", "check"), [(name, check) for name, sdk in JUDGES.items() for check in checks(sdk)])
def test_an_official_sdk_gets_what_it_expects(judge: Callable[[str], dict[str, str]], name: str, check: str) -> None:
    results = judge(name)
    assert results[check] == "ok", results[check]
