"""What the documentation shows of Prefect names what is there."""

from __future__ import annotations

import pytest

from tests.snippets import Snippet, imports, snippets

PAGES = ("README.md", "docs/prefect.md", "docs/start-prefect.md", "prefect_tasks/README.md")
PYTHON = [one for page in PAGES for one in snippets(page) if one.language == "python"]


@pytest.mark.parametrize("snippet", PYTHON, ids=str)
def test_what_a_snippet_imports_is_there(snippet: Snippet) -> None:
    exec(imports(snippet, "prefect", "prefect_browser_use", "browser_use_client"), {})
