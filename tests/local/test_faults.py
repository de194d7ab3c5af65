from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest

from . import web
from .running_server import Json, LocalServer

BODY = {"task": "no step at all"}


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    running = LocalServer(tmp_path_factory.mktemp("faulty") / "data", "--faults")
    yield running
    assert running.end() == 0


def set_faults(server: LocalServer, *faults: Json) -> None:
    answer = server.http.put(f"{server.site}/_faults", json=list(faults))
    assert answer.status_code == 200, answer.text


def tasks(server: LocalServer) -> int:
    return int(server.http.get("/tasks").json()["totalItems"])


def test_faults_can_be_asked_for_only_where_they_are_allowed_and_with_the_key(
    server: LocalServer, faulty: LocalServer
) -> None:
    assert server.http.get(f"{server.site}/_faults").status_code == 404
    assert web.get(f"{faulty.site}/_faults").status_code == 401
    assert faulty.http.put(f"{faulty.site}/_faults", json=[{"stauts": 500}]).status_code == 422


@pytest.mark.parametrize(("work", "made"), [("never", 0), ("done", 1)])
def test_a_status_instead_of_the_answer_before_or_after_the_work_is_done(
    faulty: LocalServer, work: str, made: int
) -> None:
    before = tasks(faulty)
    set_faults(faulty, {"method": "POST", "path": "/tasks", "status": 503, "retry_after": 2, "work": work})
    answer = faulty.http.post("/tasks", json=BODY)
    assert (answer.status_code, answer.headers["retry-after"], answer.json()) == (
        503,
        "2",
        {"detail": "A fault on demand"},
    )
    assert tasks(faulty) == before + made
    assert faulty.http.post("/tasks", json=BODY).status_code == 202


@pytest.mark.parametrize(("work", "made"), [("never", 0), ("done", 1)])
def test_a_connection_that_drops_before_or_after_the_work_is_done(faulty: LocalServer, work: str, made: int) -> None:
    before = tasks(faulty)
    set_faults(faulty, {"method": "POST", "work": work})
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        faulty.http.post("/tasks", json=BODY)
    assert tasks(faulty) == before + made


def test_an_answer_that_is_no_json(faulty: LocalServer) -> None:
    set_faults(faulty, {"path": "/tasks/*", "garbage": "<html>"})
    answer = faulty.http.get("/tasks/3c90c3cc-0d44-4b50-8888-8dd25736052a")
    assert answer.status_code == 200
    with pytest.raises(ValueError, match="Expecting value"):
        answer.json()
    set_faults(faulty)


def test_so_many_requests_pass_and_so_many_go_wrong(faulty: LocalServer) -> None:
    set_faults(faulty, {"path": "/tasks", "skip": 1, "times": 2, "status": 500, "detail": "First"}, {"status": 502})
    answers = [faulty.http.get("/tasks") for _ in range(5)]
    # While the first fault lets one pass, the second one strikes.
    assert [answer.status_code for answer in answers] == [502, 500, 500, 200, 200]
    assert answers[1].json() == {"detail": "First"}


def test_a_request_that_is_never_answered(faulty: LocalServer) -> None:
    set_faults(faulty, {"path": "/tasks", "hang": True})
    with pytest.raises(httpx.ReadTimeout):
        faulty.http.get("/tasks", timeout=0.5)
    assert faulty.http.get("/tasks").status_code == 200


def test_a_fault_does_one_thing(faulty: LocalServer) -> None:
    both = faulty.http.put(f"{faulty.site}/_faults", json=[{"status": 500, "hang": True}])
    assert both.status_code == 422
    assert "one of status, garbage, hang and hide at most" in both.json()["msg"]


def test_an_answer_that_takes_its_time(faulty: LocalServer) -> None:
    set_faults(faulty, {"path": "/tasks", "delay": 0.5})
    began = time.monotonic()
    tasks(faulty)
    assert time.monotonic() - began > 0.5


def test_a_new_task_may_be_hidden_from_lists_for_a_while(faulty: LocalServer) -> None:
    set_faults(faulty, {"path": "/tasks", "method": "GET", "hide": 1, "times": None})
    task = faulty.http.post("/tasks", json=BODY).json()["id"]

    def listed() -> bool:
        return task in [item["id"] for item in faulty.http.get("/tasks").json()["items"]]

    assert not listed()
    assert faulty.http.get(f"/tasks/{task}").status_code == 200
    while not listed():
        time.sleep(0.1)
    set_faults(faulty)
