"""The official SDKs as judges: each drives the server from an environment of its own; the later one through Prism,
which holds every request and every response against the published contract.
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from demo.ports import free_port
from demo.programs import Programs
from demo.waiting import until
from tests.client.contracts.published import needs_published, v4

from .only_in_the_cloud import listed, start_of
from .running_server import KEY, LocalServer

HERE = Path(__file__).parent / "official_sdks"
REPOSITORY = Path(__file__).parents[2]
PRISM = REPOSITORY / ".build" / "prism" / "node_modules" / ".bin" / "prism"
CONTRACTS = REPOSITORY.parent / "shared" / "contracts"


@dataclass(frozen=True)
class Judge:
    """An SDK in an environment of its own; through Prism where that is there, and the published contract."""

    environment: str
    api: str = "v2"
    contract: str | None = None


# By the file with its checks.
JUDGES = {
    "nested": Judge("sdk-nested"),
    "flat": Judge("sdk-3.12", contract="v2-flat.openapi.json"),
    "v4": Judge("sdk-3.12", "v4", "v4.openapi.json"),
}


def checks(sdk: str) -> list[str]:
    nodes = ast.parse((HERE / f"{sdk}.py").read_text()).body
    names = [node.name for node in nodes if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    return [name for name in names if name.startswith("check_")]


@contextmanager
def prism(name: str, contract: Path, url: str, logs: Path) -> Iterator[str]:
    """Prism in front of a server: where it finds that the contract is broken, it answers with an error instead."""
    port = free_port()
    command = [str(PRISM), "proxy", str(contract), url, "--port", str(port), "--errors"]
    programs = Programs(logs)
    try:
        program = programs.start(name, command, os.environ)
        until("Prism listens", lambda: "Prism is listening" in program.log(), check=programs.check)
        yield f"http://127.0.0.1:{port}"
    finally:
        programs.close()


@pytest.fixture(scope="module")
def prism_logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which Prism logs the requests of each judge."""
    return tmp_path_factory.mktemp("prism")


@pytest.fixture(scope="module")
def judge(server: LocalServer, prism_logs: Path) -> Callable[[str], dict[str, str]]:
    """Runs all checks of a judge, once, and says what came of each."""

    @cache
    def judge(name: str) -> dict[str, str]:
        judge = JUDGES[name]
        python = REPOSITORY / ".build" / "env" / judge.environment / "bin" / "python"
        if not python.exists():
            pytest.skip(f"the environment of this SDK is not there: make .build/env/{judge.environment}/.ready")
        with ExitStack() as stack:
            url = f"{server.site}/api/{judge.api}"
            if judge.contract and PRISM.exists() and (CONTRACTS / judge.contract).exists():
                url = stack.enter_context(prism(name, CONTRACTS / judge.contract, url, prism_logs))
            command = [str(python), str(HERE / f"{name}.py"), url, KEY, server.site]
            ran = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert ran.returncode == 0, ran.stderr
        return dict(json.loads(ran.stdout))

    return judge


@pytest.mark.parametrize(("name", "check"), [(name, check) for name in JUDGES for check in checks(name)])
def test_an_official_sdk_gets_what_it_expects(judge: Callable[[str], dict[str, str]], name: str, check: str) -> None:
    results = judge(name)
    assert results[check] == "ok", results[check]


@needs_published
@pytest.mark.skipif(not PRISM.exists(), reason="Prism is not there: make prism, where Node is")
def test_prism_has_judged_every_operation_of_v4(judge: Callable[[str], dict[str, str]], prism_logs: Path) -> None:
    """But for those that only the cloud has: for a server that answers 501, Prism answers itself."""
    judge("v4")
    asked = set(re.findall(r"\[HTTP SERVER\] (\w+) (/[^\s?]*)", (prism_logs / "v4.log").read_text()))
    for path, operations in v4()["paths"].items():
        pattern = re.compile(re.sub(r"\{\w+\}", "[^/]+", path))
        judged = {method for method, one in asked if pattern.fullmatch(one)}
        here = {method for method in operations if start_of(method.upper(), path) not in listed()}
        assert here <= judged, path
