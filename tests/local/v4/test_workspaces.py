"""Workspaces of v4: files in by PUT, shown to a run, and out again."""

from __future__ import annotations

import httpx
import pytest

from tests.local import web
from tests.local.running_server import PASSWORD, USER, Json, LocalServer

from .test_runs import STRANGER, close
from .test_secrets import bound

RECEIPT = b"%PDF-1.4 receipt"


def workspace(server: LocalServer) -> str:
    return server.v4.post("/workspaces", json={"name": "Orders"}).raise_for_status().json()["id"]


def announce(server: LocalServer, workspace_id: str, name: str = "receipt.pdf", **body: object) -> Json:
    file = {"name": name, "contentType": "application/pdf", "size": len(RECEIPT)}
    answer = server.v4.post(f"/workspaces/{workspace_id}/files/upload", json={"files": [file], **body})
    assert answer.status_code == 200, answer.text
    return answer.json()["files"][0]


def put(announced: Json, content: bytes = RECEIPT, kind: str = "application/pdf") -> httpx.Response:
    return web.put(announced["uploadUrl"], content=content, headers={"Content-Type": kind})


def paths(server: LocalServer, workspace_id: str, **params: object) -> list[str]:
    page = server.v4.get(f"/workspaces/{workspace_id}/files", params=params).raise_for_status().json()
    return [file["path"] for file in page["files"]]


def test_an_attached_file_is_uploaded_by_a_run_and_what_the_run_downloads_lies_beside_it(server: LocalServer) -> None:
    space = workspace(server)
    receipt = announce(server, space)
    assert (receipt["path"], receipt["willOverride"]) == ("uploads/receipt.pdf", False)
    assert put(receipt).status_code == 200
    run = server.start_run(
        f"Open {server.site}/shop/ and sign in as shop_user with password shop_password. Download Orders as CSV."
        " Open Returns and upload receipt.pdf as Receipt.",
        workspaceId=space,
        attachedFileIds=[receipt["id"], STRANGER],
        secretBindings=bound("127.0.0.1", shop_user=USER, shop_password=PASSWORD),
    )
    assert (run["workspaceId"], run["missingFileIds"]) == (space, [STRANGER])
    ended = server.ended_run(run["id"])
    assert ended["status"] == "completed", ended["error"]
    assert ended["attachedFileIds"] == [receipt["id"]]
    (attached,) = server.v4.get(f"/runs/{run['id']}/attachments").json()["attachments"]
    assert (attached["name"], attached["sizeBytes"], attached["status"]) == ("receipt.pdf", len(RECEIPT), "uploaded")
    assert paths(server, space) == ["outputs/orders.csv", "uploads/receipt.pdf"]
    assert paths(server, space, prefix="uploads/") == ["uploads/receipt.pdf"]
    listed = server.v4.get(f"/workspaces/{space}/files", params={"includeUrls": True, "limit": 1}).json()
    assert "A-1007" in web.get(listed["files"][0]["url"]).text
    assert paths(server, space, cursor=listed["nextCursor"]) == ["uploads/receipt.pdf"]
    browser = server.v4.get("/browsers", params={"agentSessionId": run["sessionId"]}).json()["items"][0]["id"]
    downloads = server.v4.get(f"/browsers/{browser}/downloads", params={"includeUrls": True}).json()["files"]
    assert [file["path"] for file in downloads] == ["orders.csv"]
    assert "A-1007" in web.get(downloads[0]["url"]).text
    more = server.run_v4("Open Returns and upload receipt.pdf as Receipt.", sessionId=run["sessionId"])
    assert (more["status"], "receipt.pdf" in more["error"]) == ("failed", True), "an attachment is for one run"
    close(server, run)


def test_an_upload_must_be_the_one_that_was_announced(server: LocalServer) -> None:
    space = workspace(server)
    receipt = announce(server, space)
    assert put(receipt, kind="text/plain").status_code == 403
    assert put(receipt, RECEIPT[1:]).status_code == 403
    assert put(receipt, RECEIPT + b".").status_code == 403
    assert put({"uploadUrl": receipt["uploadUrl"] + "0"}).status_code == 404
    missing = server.start_run("no step at all", workspaceId=space, attachedFileIds=[receipt["id"]])
    assert missing["missingFileIds"] == [receipt["id"]]
    assert paths(server, space) == []
    assert put(receipt).status_code == 200
    assert put(receipt).status_code == 403
    assert server.v4.get(f"/workspaces/{space}/size").json()["usedBytes"] == len(RECEIPT)


def test_a_file_replaces_the_one_at_its_path_unless_that_is_not_wanted(server: LocalServer) -> None:
    space = workspace(server)
    put(announce(server, space))
    file = {"name": "receipt.pdf", "size": 1}
    body = {"files": [file], "allowOverrides": False}
    assert server.v4.post(f"/workspaces/{space}/files/upload", json=body).status_code == 409
    again = announce(server, space)
    assert again["willOverride"]
    assert put(again, RECEIPT[::-1]).status_code == 200
    listed = server.v4.get(f"/workspaces/{space}/files", params={"includeUrls": True}).json()["files"]
    assert [web.get(file["url"]).content for file in listed] == [RECEIPT[::-1]]
    assert server.v4.delete(f"/workspaces/{space}/files", params={"path": "uploads/receipt.pdf"}).status_code == 204
    assert server.v4.delete(f"/workspaces/{space}/files", params={"path": "uploads/receipt.pdf"}).status_code == 404
    assert paths(server, space) == []


@pytest.mark.parametrize("name", ["../../local.sqlite3", "/etc/passwd", "..", "a\\b\0c"])
def test_no_name_is_a_path(server: LocalServer, name: str) -> None:
    announced = announce(server, workspace(server), name)
    assert announced["path"] == f"uploads/{announced['storedName']}"
    assert not {"/", "\\", "\0"} & set(announced["storedName"])
    assert not announced["storedName"].startswith(".")


def test_a_workspace_is_renamed_and_archived(server: LocalServer) -> None:
    space = workspace(server)
    assert server.v4.patch(f"/workspaces/{space}", json={"name": None}).json()["name"] is None
    assert server.v4.delete(f"/workspaces/{space}").status_code == 204
    assert server.v4.get(f"/workspaces/{space}").json()["archived"]
    assert server.v4.get(f"/workspaces/{space}/files").status_code == 404
    assert server.v4.post("/runs", json={"task": "x", "workspaceId": space}).status_code == 404
    assert server.v4.get(f"/workspaces/{STRANGER}").status_code == 404
