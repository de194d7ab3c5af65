"""What Airflow makes of the provider's entry point."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import airflow
import jsonschema
import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException, task
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_1_PLUS
from airflow.providers_manager import ProvidersManager
from packaging import version

from airflow_browser_use.decorators import DecoratedBrowserUseTaskOperator
from airflow_browser_use.plugin import BrowserUsePlugin
from airflow_browser_use.provider_info import get_provider_info
from browser_use_client.contracts import ApiVersion

from .fake_server import FakeServer
from .stand_in import context_of, execute


def test_it_fits_airflows_schema() -> None:
    schema = json.loads((Path(airflow.__file__).parent / "provider_info.schema.json").read_text())
    jsonschema.validate(get_provider_info(), schema)


def test_the_pages_in_the_ui_are_loaded_by_nobody_who_does_not_look() -> None:
    code = "import sys, airflow_browser_use.plugin\nprint([m for m in sys.modules if '_browser_use.ui' in m])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[-1] == "[]"
    assert bool(getattr(BrowserUsePlugin, "fastapi_apps", [])) is AIRFLOW_V_3_1_PLUS


def test_every_module_and_class_that_it_names_exists() -> None:
    info = get_provider_info()
    for kind in ("operators", "sensors", "hooks", "triggers"):
        for entry in info[kind]:
            for module in entry["python-modules"]:
                importlib.import_module(module)
    paths = [*info["extra-links"], *(entry["class-name"] for entry in info["task-decorators"])]
    for path in (*paths, *(entry["hook-class-name"] for entry in info["connection-types"])):
        module, _, name = path.rpartition(".")
        assert hasattr(importlib.import_module(module), name)


def test_airflow_finds_the_connection_type_and_shows_only_fields_that_mean_something() -> None:
    if version.parse(airflow.__version__) < version.parse("3.2"):
        pytest.importorskip("wtforms", reason="below 3.2 the form comes from the hook, by way of WTForms")
    manager = ProvidersManager()
    assert manager.field_behaviours["browser_use"]["hidden_fields"] == ["schema", "login", "port"]
    assert {name for name in manager.connection_form_widgets if "__browser_use__" in name} == {
        "extra__browser_use__api_version",
        "extra__browser_use__timeout",
        "extra__browser_use__verify",
        "extra__browser_use__proxy",
    }


def test_a_function_that_returns_the_prompt_is_a_task() -> None:
    with DAG("shop"):

        @task.browser_use(session_id="{{ params.session_id }}")
        def browse(number: int) -> str:
            return f"open order {number}"

        operator = browse(7).operator
    assert isinstance(operator, DecoratedBrowserUseTaskOperator)
    assert operator.session_id == "{{ params.session_id }}"


@pytest.mark.parametrize("prompt", ["", "  ", None, 7])
def test_a_function_that_returns_no_prompt_is_an_error(server: FakeServer, prompt: object) -> None:
    with DAG("shop"):

        @task.browser_use
        def browse() -> object:
            return prompt

        operator = browse().operator
    with pytest.raises(AirflowFailException, match="`browse` has to return the prompt"):
        execute(operator, context_of(operator))
    assert server.tasks == {}


def test_the_form_has_the_api_version_as_a_choice_and_says_which_is_for_whom() -> None:
    field = get_provider_info()["connection-types"][0]["conn-fields"]["api_version"]
    assert field["schema"]["enum"] == list(get_args(ApiVersion))
    assert field["schema"]["default"] == "auto"
    assert all(re.search(rf"{version}[:,]", field["description"]) for version in get_args(ApiVersion))
