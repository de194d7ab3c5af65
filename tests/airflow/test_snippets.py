"""What the documentation shows of Airflow names what is there."""

from __future__ import annotations

import pytest

from tests.snippets import Snippet, imports, snippets

PAGES = ("README.md", "docs/airflow.md", "docs/start-airflow.md", "airflow_provider/README.md")
PYTHON = [one for page in PAGES for one in snippets(page) if one.language == "python"]


@pytest.mark.parametrize("snippet", PYTHON, ids=str)
def test_what_a_snippet_imports_is_there(snippet: Snippet) -> None:
    exec(imports(snippet, "airflow_browser_use", "browser_use_client"), {})
