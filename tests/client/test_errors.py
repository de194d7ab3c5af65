from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import browser_use_client
from browser_use_client import errors, webhooks
from browser_use_client.contracts import V2_FLAT
from browser_use_client.errors import BrowserUseError
from browser_use_client.refusals import error_from_response, error_from_store


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
        "FileUrlExpiredError",
        "LocalFileError",
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
        (404, "Task not found", errors.NotFoundError, "Check the base URL"),
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
    error = error_from_response("POST /tasks", status, {"detail": detail}, 3.0, V2_FLAT.meaning)

    assert type(error) is kind
    assert str(error).startswith(f"POST /tasks was answered with {status}: {detail.rstrip('.')}")
    assert says in str(error)
    assert (error.status_code, error.retry_after) == (status, 3.0)


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("POST /tasks", "Check the base URL, and the ids in the request."),
        (
            "GET /tasks/3c90c3cc-0d44-4b50-8888-8dd25736052a",
            "Check the id, and that it belongs to this API key's account",
        ),
    ],
)
def test_what_is_not_there_is_an_id_or_the_api_itself(what: str, says: str) -> None:
    assert says in str(error_from_response(what, 404, {"detail": "Not Found"}, None, V2_FLAT.meaning))


PROBLEM = {"loc": ["body", "secrets", "password"], "msg": "Input should be a string", "type": "t", "input": "geheim"}


@pytest.mark.parametrize(
    "body",
    [
        {"detail": [PROBLEM]},
        PROBLEM,
        [PROBLEM],
        {"detail": [PROBLEM, "noise"]},
        {"detail": PROBLEM},
        {"errors": [PROBLEM]},
        {"error": {"message": [PROBLEM]}},
        {"detail": [PROBLEM | {"input": {"message": "geheim"}, "ctx": {"error": "geheim"}}]},
    ],
)
def test_a_validation_error_is_told_by_place_and_reason_never_by_the_input(body: Any) -> None:
    error = error_from_response("POST /tasks", 422, body, None, V2_FLAT.meaning)

    assert "body.secrets.password: Input should be a string" in str(error)
    assert "geheim" not in str(error) + repr(vars(error))


SPENT = {
    "code": "api_key_monthly_spend_limit_reached",
    "message": "Monthly spend limit of this API key reached.",
    "cap": 10,
    "spent": 10.25,
}


@pytest.mark.parametrize("body", [{"detail": SPENT}, SPENT, {"error": SPENT}, {"detail": [SPENT]}])
def test_a_key_that_reached_its_own_limit_is_told_from_an_empty_account(body: Any) -> None:
    error = error_from_response("POST /tasks", 402, body, None, V2_FLAT.meaning)

    assert type(error) is errors.SpendLimitReachedError
    assert str(error) == (
        "POST /tasks was answered with 402: Monthly spend limit of this API key reached"
        " (code: api_key_monthly_spend_limit_reached, cap: 10, spent: 10.25). Nothing was started."
        " Raise the monthly limit of this API key, or wait for the next month."
    )


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"detail": "Not enough"}, ": Not enough."),
        ({"detail": "Really?"}, ": Really?"),
        ({"detail": "Not\n  enough...\n"}, ": Not enough."),
        ({"detail": ["Too long", "too late"]}, ": Too long; too late."),
        ({"detail": {"message": "No"}}, ": No."),
        ({"detail": {"error": {"msg": "No", "code": 7}}}, ": No (code: 7)."),
        ({"detail": {"code": "plan_limit"}}, ": (code: plan_limit)."),
        ({"message": "No"}, ": No."),
        ({"error": "Bad", "message": "Because"}, ": Because."),
        ({"error": "Bad", "detail": None}, ": Bad."),
        ({"title": "Gone", "status": 422}, ": Gone."),
        (["one", ["two", {"msg": "three"}]], ": one; two; three."),
        ("plain text", ": plain text."),
        ({"detail": {"loc": ["body", "task"]}}, ": body.task is not valid."),
        ({"detail": {"input": "geheim", "password": "geheim"}}, " (Unprocessable "),
        ({"detail": None}, " (Unprocessable "),
        (None, " (Unprocessable "),
        ({"detail": "x" * 1000}, f": {'x' * 500}."),
    ],
)
def test_whatever_the_server_says_ends_in_one_readable_sentence(body: Any, says: str) -> None:
    message = str(error_from_response("POST /tasks", 422, body, None, V2_FLAT.meaning))

    assert message.startswith(f"POST /tasks was answered with 422{says}")
    assert "geheim" not in message
    assert ".." not in message.replace(" ...", "")


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["detail", "message", "loc", "msg", "code"]), inner)
    ),
)


@given(ANY_JSON, st.sampled_from([400, 401, 402, 403, 404, 407, 409, 418, 422, 429, 500, 599]))
def test_a_body_of_any_form_makes_an_error_of_one_line(body: Any, status: int) -> None:
    message = str(error_from_response("GET /tasks", status, body, None, V2_FLAT.meaning))

    assert message == " ".join(message.split())
    assert str(status) in message


PAGE = "<!DOCTYPE html><html><head><title>Access\n denied</title></head><body>4711</body></html>"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.UnexpectedResponseError),
        (403, errors.UnexpectedResponseError),
        (404, errors.UnexpectedResponseError),
        (429, errors.RateLimitedError),
        (503, errors.ServerError),
    ],
)
def test_a_web_page_is_told_by_its_title_and_is_no_answer_about_keys_or_ids(
    status: int, kind: type[errors.ApiError]
) -> None:
    error = error_from_response("GET /tasks", status, PAGE, None, V2_FLAT.meaning)

    assert type(error) is kind
    assert "Access" in str(error)
    assert "4711" not in str(error)
    assert "API key" not in str(error)


def test_an_answer_of_a_store_of_files_says_nothing_of_keys_credits_or_ids() -> None:
    for status in range(400, 600):
        error = error_from_store("The upload of a.csv", status, "", None)
        assert not any(word in str(error) for word in ("API key", "credit", " id"))
    expired = "<Error><Code>ExpiredToken</Code></Error>"
    assert isinstance(error_from_store("The upload of a.csv", 400, expired, None), errors.FileUrlExpiredError)


def test_webhook_errors_belong_to_the_tree() -> None:
    assert issubclass(webhooks.WebhookError, BrowserUseError)
