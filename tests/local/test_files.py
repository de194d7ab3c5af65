from __future__ import annotations

import re

import httpx
import pytest

from . import web
from .pages import Site
from .running_server import KEY, Json, LocalServer

RECEIPT = b"%PDF-1.4 a receipt"


def announce(server: LocalServer, path: str, name: str = "receipt.pdf", size: int = len(RECEIPT)) -> httpx.Response:
    return server.http.post(path, json={"fileName": name, "contentType": "application/pdf", "sizeBytes": size})


def send(announced: Json, content: bytes = RECEIPT) -> httpx.Response:
    files = {"file": (announced["fileName"], content, "application/pdf")}
    return web.request(announced["method"], announced["url"], data=announced["fields"], files=files)


def upload(server: LocalServer, path: str, name: str = "receipt.pdf") -> None:
    announced = announce(server, path, name)
    assert announced.status_code == 200, announced.text
    assert announced.json()["expiresIn"] == 120
    assert send(announced.json()).status_code == 204


RETURN = (
    "Open Returns, type A-1007 in Order number, select Damaged as the Reason, upload receipt.pdf as Receipt,"
    " tick Refund to my account and press Send return."
    ' Make sure the page shows "Return received", then report the receipt, receipt size and refund.'
)


def test_a_file_uploaded_into_a_session_goes_into_a_form(server: LocalServer, signed_in: str) -> None:
    upload(server, f"/files/sessions/{signed_in}/presigned-url")
    task = server.run(RETURN, sessionId=signed_in)
    assert task["output"] == f"Receipt: receipt.pdf\nReceipt size: {len(RECEIPT)} bytes\nRefund: yes"


def test_a_file_of_the_user_goes_into_the_tasks_that_include_it(server: LocalServer, signed_in: str) -> None:
    upload(server, "/users/me/files/presigned-url", "bill.pdf")
    task = server.run(
        RETURN.replace("receipt.pdf", "bill.pdf"),
        browserSettings={"sessionId": signed_in},
        includedFileNames=["bill.pdf"],
    )
    assert "Receipt: bill.pdf" in task["output"]
    (file,) = task["userUploadedFiles"]
    assert file["fileName"] == "bill.pdf"
    view = server.http.get(f"/tasks/{task['id']}/user-uploaded-files/{file['id']}").json()
    assert web.get(view["downloadUrl"]).content == RECEIPT


def test_a_file_that_was_not_uploaded_is_refused_before_a_session_is_made(server: LocalServer) -> None:
    before = server.http.get("/sessions").json()["totalItems"]
    answer = server.http.post("/tasks", json={"task": "Go back", "includedFileNames": ["none.pdf"]})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["msg"] == "no file of the name none.pdf was uploaded"
    assert server.http.get("/sessions").json()["totalItems"] == before


def test_a_task_that_needs_a_file_which_is_not_there_says_which_are(server: LocalServer, session: str) -> None:
    upload(server, f"/files/sessions/{session}/presigned-url", "other.pdf")
    task = server.run(f"Open {server.site}/shop/ and upload receipt.pdf", sessionId=session)
    assert task["output"].endswith('No file "receipt.pdf" was uploaded for this task. Uploaded were: "other.pdf".')


@pytest.mark.parametrize("path", ["/files/tasks/{}/output-files/{}", "/tasks/{}/output-files/{}"])
def test_what_a_task_downloads_is_an_output_file(server: LocalServer, signed_in: str, path: str) -> None:
    task = server.run("Click Orders and download Orders as CSV.", sessionId=signed_in)
    (file,) = task["outputFiles"]
    assert file["fileName"] == "orders.csv"
    view = server.http.get(path.format(task["id"], file["id"])).json()
    assert (view["id"], view["fileName"]) == (file["id"], "orders.csv")
    content = web.get(view["downloadUrl"])
    assert content.text.splitlines()[0] == "number,customer,placed,status,amount"
    assert content.headers["content-disposition"] == 'attachment; filename="orders.csv"'
    assert web.get(view["downloadUrl"].replace("signature=", "signature=0")).status_code == 404


def test_a_click_that_starts_a_download_keeps_the_file_too(server: LocalServer, signed_in: str) -> None:
    task = server.run('Click Orders, click "Orders as CSV" and wait 1 second.', sessionId=signed_in)
    assert [file["fileName"] for file in task["outputFiles"]] == ["orders.csv"]


def test_the_log_of_a_task_can_be_downloaded(server: LocalServer, signed_in: str) -> None:
    task = server.run("Click Orders and report the heading.", sessionId=signed_in)
    address = server.http.get(f"/tasks/{task['id']}/logs").json()["downloadUrl"]
    assert re.search(r"1\. Click Orders .*\n   Success\n(.*\n)*2\. report the heading", web.get(address).text)


@pytest.mark.parametrize(
    ("change", "location"),
    [
        ({"sizeBytes": 10 * 1024**2 + 1}, "sizeBytes"),
        ({"contentType": "a/b"}, "contentType"),
        ({"fileName": ""}, "fileName"),
    ],
)
def test_an_announcement_outside_the_contract_is_refused(server: LocalServer, change: Json, location: str) -> None:
    body = {"fileName": "a.txt", "contentType": "text/plain", "sizeBytes": 1, **change}
    answer = server.http.post("/users/me/files/presigned-url", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", location]


def test_a_token_takes_one_file_of_the_announced_size(server: LocalServer) -> None:
    announced = announce(server, "/users/me/files/presigned-url").json()
    assert send(announced, RECEIPT + b"more").status_code == 400
    assert send(announced).status_code == 403
    assert send({**announced, "fields": {"key": "guessed"}}).status_code == 403


def test_an_upload_over_ten_megabytes_is_refused_by_its_length(server: LocalServer) -> None:
    announced = announce(server, "/users/me/files/presigned-url", size=10 * 1024 * 1024).json()
    assert send(announced, b"x" * (10 * 1024 * 1024 + 32 * 1024)).status_code == 413


def test_a_file_name_never_becomes_a_path(server: LocalServer, session: str) -> None:
    upload(server, f"/files/sessions/{session}/presigned-url", "../../../../tmp/evil.pdf")
    lying = [path for path in server.data_dir.rglob("*") if "evil" in path.name]
    assert lying == []
    assert all(re.fullmatch(r"[0-9a-f-]{36}", path.name) for path in (server.data_dir / "files").iterdir())


def test_deleting_a_session_deletes_its_files(server: LocalServer) -> None:
    session = server.session()
    before = set((server.data_dir / "files").iterdir())
    upload(server, f"/files/sessions/{session}/presigned-url")
    task = server.run(f"Open {server.site}/shop/", sessionId=session)
    assert server.http.delete(f"/sessions/{session}").status_code == 204
    assert set((server.data_dir / "files").iterdir()) == before
    assert not (server.data_dir / "tasks" / task["id"]).exists()
    for path in (f"/sessions/{session}", f"/tasks/{task['id']}"):
        assert server.http.get(path, headers={"X-Browser-Use-API-Key": KEY}).status_code == 404


@pytest.mark.parametrize(
    ("name", "link"),
    [
        ("bill.pdf", "<a href=/bill.pdf>Bill</a>"),
        ("bill.pdf", "<a href=/bill.pdf target=_blank>Bill</a>"),
        ("bill.txt", "<a href=/bill.txt>Bill</a>"),
        ("mine.pdf", "<a href=/bill.pdf download=mine.pdf>Bill</a>"),
    ],
)
def test_a_file_that_the_browser_shows_is_downloaded_too_and_the_page_stays(
    server: LocalServer, session: str, site: Site, name: str, link: str
) -> None:
    site.pages["/bill.pdf"] = (200, {"Content-Type": "application/pdf"}, RECEIPT)
    site.pages["/bill.txt"] = (200, {"Content-Type": "text/plain"}, RECEIPT)
    task = server.run(f"Open {site.page(link)}. Download Bill.", sessionId=session)
    assert task["isSuccess"], task["output"]
    assert task["output"].endswith(f'The page is "Page" ({site.url}/).')
    (file,) = task["outputFiles"]
    assert file["fileName"] == name
    url = server.http.get(f"/files/tasks/{task['id']}/output-files/{file['id']}").json()["downloadUrl"]
    assert web.get(url).content == RECEIPT


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ("<a href=/more>Bill</a>", '"Bill" gave no file to download.'),
        ("<a href=/missing>Bill</a>", "/missing answers with HTTP 404."),
        ("<a href=/bill.pdf>Bill</a><div style='position: fixed; inset: 0'>Cookies?</div>", "it is covered by `<div"),
    ],
)
def test_a_download_that_is_none_says_why(server: LocalServer, session: str, site: Site, link: str, said: str) -> None:
    site.page("More", "/more")
    task = server.run(f"Open {site.page(link)}. Download Bill.", sessionId=session)
    assert not task["isSuccess"]
    assert said in task["output"]
