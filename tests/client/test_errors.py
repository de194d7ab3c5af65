from __future__ import annotations

import pickle
from typing import Any

import pytest

import browser_use_client
from browser_use_client import errors, webhooks
from browser_use_client.errors import BrowserUseError, error_from_response


def every_class() -> list[type[BrowserUseError]]:
    def below(kind: type[BrowserUseError]) -> list[type[BrowserUseError]]:
        return [kind, *(more for child in kind.__subclasses__() for more in below(child))]

    return list(dict.fromkeys(below(BrowserUseError)))


FIELDS = {"status_code": 418, "retry_after": 7.5, "key": "orders", "stopped": True, "raw": "{}"}


@pytest.mark.parametrize("kind", every_class())
def test_every_error_survives_a_pickle_with_all_that_it_knows(kind: type[BrowserUseError]) -> None:
    error: BrowserUseError = kind("It went wrong.", task_id="t", session_id="s")
    for name, value in FIELDS.items():
        if hasattr(error, name):
            setattr(error, name, value)

    copy = pickle.loads(pickle.dumps(error))

    assert type(copy) is kind
    assert str(copy) == "It went wrong."
    assert vars(copy) == vars(error)
    assert (copy.task_id, copy.session_id) == ("t", "s")


@pytest.mark.parametrize("kind", every_class())
def test_every_error_is_public_and_says_what_it_means(kind: type[BrowserUseError]) -> None:
    assert getattr(browser_use_client, kind.__name__) is kind
    assert kind.__doc__


def test_retrying_can_help_exactly_where_the_cause_can_pass_by_itself() -> None:
    retryable = {kind.__name__ for kind in every_class() if kind.retryable}

    assert retryable == {
        "SessionBusyError",
        "RateLimitedError",
        "ServerError",
        "NetworkError",
        "ConnectError",
        "CreationUnknownError",
        "TaskUnreachableError",
    }


@pytest.mark.parametrize(
    ("status", "detail", "kind", "says"),
    [
        (
            400,
            "Browser session is stopped. Please start a new session",
            errors.SessionStoppedError,
            "must keep it open",
        ),
        (400, "Agent session already has a running task.", errors.SessionBusyError, "Wait until its task has ended"),
        (400, "Something else", errors.BadRequestError, "Something else"),
        (401, "Invalid API key", errors.AuthenticationError, "starts with bu_"),
        (402, "Insufficient credits", errors.InsufficientCreditsError, "Add credits"),
        (403, "No", errors.AuthenticationError, "Check the API key"),
        (404, "Task not found", errors.NotFoundError, "Check the id"),
        (405, "No", errors.ApiError, "No"),
        (408, "Too slow", errors.ServerError, "Try again later"),
        (409, "Locked", errors.ServerError, "Try again later"),
        (425, "Too early", errors.ServerError, "Try again later"),
        (422, "No", errors.RejectedRequestError, "No"),
        (429, "Too many", errors.RateLimitedError, "run fewer at once"),
        (500, "Oh", errors.ServerError, "Try again later"),
        (503, "Oh", errors.ServerError, "Try again later"),
        (599, "Oh", errors.ServerError, "Try again later"),
    ],
)
def test_each_meaning_has_its_class_and_names_the_call_the_answer_and_the_remedy(
    status: int, detail: str, kind: type[errors.ApiError], says: str
) -> None:
    error = error_from_response("POST /tasks", status, {"detail": detail}, 3.0)

    assert type(error) is kind
    assert str(error).startswith(f"POST /tasks was answered with {status}: {detail.rstrip('.')}")
    assert says in str(error)
    assert (error.status_code, error.retry_after) == (status, 3.0)


PROBLEM = {"loc": ["body", "secrets", "password"], "msg": "Input should be a string", "type": "t", "input": "geheim"}


@pytest.mark.parametrize("body", [{"detail": [PROBLEM]}, PROBLEM, {"detail": [PROBLEM, "noise"]}, {"detail": PROBLEM}])
def test_a_validation_error_is_told_by_place_and_reason_never_by_the_input(body: Any) -> None:
    error = error_from_response("POST /tasks", 422, body, None)

    assert "body.secrets.password: Input should be a string" in str(error)
    assert "geheim" not in str(error) + repr(vars(error))


@pytest.mark.parametrize(
    "body", [None, [], "text", 3, {}, {"detail": None}, {"detail": {}}, {"detail": []}, {"loc": 3}, {"loc": None}]
)
@pytest.mark.parametrize("status", [400, 422, 500])
def test_a_body_of_any_form_makes_an_error(body: Any, status: int) -> None:
    assert error_from_response("GET /tasks", status, body, None).status_code == status


def test_webhook_errors_belong_to_the_tree() -> None:
    assert issubclass(webhooks.WebhookError, BrowserUseError)
