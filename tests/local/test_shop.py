"""The demo shop as a site to stay signed in to: an account with a second factor, and pages that say who is in."""

from __future__ import annotations

import re

from . import web
from .person import Person
from .running_server import PASSWORD, Json, LocalServer

CAREFUL = {"shop_user": "careful", "shop_password": PASSWORD}
SIGNED_IN: Json = {"type": "object", "properties": {"signed_in": {"type": "boolean"}}, "required": ["signed_in"]}


def code_on_the_phone(server: LocalServer) -> str:
    found = re.search(r"<dt>Code</dt><dd>(\w+)</dd>", web.get(f"{server.site}/shop/phone").text)
    assert found
    return found[1]


def type_password(server: LocalServer, session: str) -> None:
    task = f"Open {server.site}/shop/. Type shop_user in User name, type shop_password in Password, and press Sign in."
    assert server.run(task, sessionId=session, secrets=CAREFUL)["isSuccess"]


def is_signed_in(server: LocalServer, session: str) -> bool:
    answer: Json = server.read(f"Open {server.site}/shop/orders and report signed in.", SIGNED_IN, sessionId=session)
    return bool(answer["signed_in"])


def test_the_careful_user_is_signed_in_once_the_code_is_typed(server: LocalServer, session: str) -> None:
    type_password(server, session)
    assert not is_signed_in(server, session)
    code = code_on_the_phone(server)
    typed = f'Open {server.site}/shop/code. Type "{code}" in Code on your phone and press Continue.'
    assert server.run(typed, sessionId=session)["isSuccess"]
    assert is_signed_in(server, session)


def test_a_code_is_good_for_one_sign_in_and_a_wrong_one_for_none(server: LocalServer, session: str) -> None:
    type_password(server, session)
    wrong = "000000" if code_on_the_phone(server) != "000000" else "111111"
    server.run(f'Type "{wrong}" in Code on your phone and press Continue.', sessionId=session)
    assert not is_signed_in(server, session)
    server.run(
        f'Open {server.site}/shop/code. Type "{code_on_the_phone(server)}" in Code on your phone and press Continue.',
        sessionId=session,
    )
    assert code_on_the_phone(server) == "none"


def test_a_password_alone_is_no_complete_sign_in_of_the_careful_user(server: LocalServer) -> None:
    sign_in = f"Open {server.site}/shop/ and sign in as shop_user with password shop_password."
    task = server.run(sign_in, secrets=CAREFUL)
    assert not task["isSuccess"]
    assert 'asks for "Code on your phone"' in task["output"]


def test_a_person_signs_in_by_hand_and_the_profile_keeps_it(server: LocalServer) -> None:
    profile = {"profileId": server.http.post("/profiles", json={"name": "by hand"}).json()["id"]}
    session = server.session(**profile)
    assert server.run(f"Open {server.site}/shop/ and report the heading.", sessionId=session)["isSuccess"]

    Person(server, session).sign_in()

    assert is_signed_in(server, session)
    server.http.patch(f"/sessions/{session}", json={"action": "stop"})
    later = server.session(**profile)
    assert is_signed_in(server, later)
    server.http.patch(f"/sessions/{later}", json={"action": "stop"})
