"""The pages that list what is in the code list all of it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import browser_use_client
from browser_use_client import BrowserUseError

from .commands import ROOT, run_make

ERRORS = (ROOT / "docs" / "errors.md").read_text()
OF_OTHERS = {"OutputFilesError", "FlowRunEndedError", "CannotStartError"}
PUBLIC = {
    name: one
    for name in browser_use_client.__all__
    if isinstance(one := getattr(browser_use_client, name), type) and issubclass(one, BrowserUseError)
}


def tree() -> dict[str, str | None]:
    """Each error of the page's tree, and the one that it stands below."""
    [block] = re.findall(r"^```text\n(.*?)^```$", ERRORS, re.MULTILINE | re.DOTALL)
    above: list[str] = []
    parents: dict[str, str | None] = {}
    for line in block.splitlines():
        found = re.match(r"^([│├└─ ]*)(\w+)", line)
        assert found
        depth = len(found[1]) // 4
        parents[found[2]] = above[depth - 1] if depth else None
        above[depth:] = [found[2]]
    return parents


def test_the_tree_of_errors_is_that_of_the_classes() -> None:
    parents = {name: next(base.__name__ for base in one.__mro__[1:]) for name, one in PUBLIC.items()}
    assert tree() == {**parents, "BrowserUseError": None}


ROWS = dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| (yes|no|see the message) \| [^|]+ \|$", ERRORS, re.MULTILINE))


def test_each_error_has_a_row_that_says_what_to_do() -> None:
    assert ROWS.keys() == (PUBLIC.keys() - {"BrowserUseError"}) | OF_OTHERS


@pytest.mark.parametrize("name", sorted(PUBLIC.keys() - {"BrowserUseError"}))
def test_the_row_of_an_error_says_whether_it_is_retryable(name: str) -> None:
    assert ROWS[name] == ("yes" if PUBLIC[name].retryable else "no")


@pytest.mark.parametrize("orchestrator", ["Airflow", "Prefect"])
def test_the_page_of_versions_names_every_orchestrator_that_is_tested(orchestrator: str) -> None:
    [row] = re.findall(rf"^\| {orchestrator} \|.*$", (ROOT / "docs" / "versions.md").read_text(), re.MULTILINE)
    pins = (ROOT / "constraints").glob(f"{orchestrator.lower()}-[0-9].*.txt")
    assert set(re.findall(r"(?<![.\d])\d\.\d+\b(?!\.)", row)) == {
        version for pin in pins if (version := pin.stem.partition("-")[2]).replace(".", "").isdigit()
    }


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documentation site. A link to nowhere fails its build."""
    folder = tmp_path_factory.mktemp("site")
    with run_make("docs", f"SITE={folder}") as make:
        assert make.wait() == 0, make.output
    return folder


def exported_by(init: str) -> set[str]:
    tree = ast.parse((ROOT / init).read_text())
    [names] = [
        one.value for one in tree.body if isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) == "__all__"
    ]
    return set(ast.literal_eval(names))


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("client", exported_by("src/browser_use_client/__init__.py")),
        ("local-server", exported_by("src/browser_use_local/__init__.py")),
        ("prefect", exported_by("prefect_tasks/src/prefect_browser_use/__init__.py")),
        (
            "airflow",
            exported_by("airflow_provider/src/airflow_browser_use/operators/__init__.py")
            | {
                "BrowserUseHook",
                "BrowserUseTaskTrigger",
                "BrowserUseTaskSensor",
                "browser_session",
                "browser_use_task",
            },
        ),
    ],
)
def test_the_reference_has_every_public_name(site: Path, page: str, names: set[str]) -> None:
    shown = set(re.findall(r'<h\d id="[\w.]+?\.(\w+)"', (site / "reference" / f"{page}.html").read_text()))
    assert names - shown == set()


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    loads = re.compile(r"<(?:script|img|iframe|link)\b[^>]*\b(?:src|href)=\"?https?:|url\(['\"]?https?:|@import")
    pages = [path for kind in ("html", "css") for path in site.rglob(f"*.{kind}")]
    assert pages
    assert [path.name for path in pages if loads.search(path.read_text())] == []
