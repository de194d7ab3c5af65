"""What `make docs` makes of the repository: a page for each job, for each example and for each group of public names.

The pages of docs/ are written to be read in the repository. Here the long ones become one page for each of their
sections, and every link goes to where its target is in the site. MkDocs then holds each link against the pages.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markdown.extensions.toc import slugify
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]

# The pages of a job each; their introduction stays at the top.
JOBS = {
    "Airflow": "docs/airflow.md",
    "Prefect": "docs/prefect.md",
    "Client": "docs/client.md",
    "Local server": "docs/local-server.md",
}
PLAIN = {
    "README.md": "index.md",
    "docs/start-local.md": "start/without-an-account.md",
    "docs/start-airflow.md": "start/airflow.md",
    "docs/start-prefect.md": "start/prefect.md",
    "docs/first-day.md": "start/first-day.md",
    "docs/recurring.md": "start/recurring.md",
    "docs/moving-to-v4.md": "start/moving-to-v4.md",
    "docs/errors.md": "reference/errors.md",
    "docs/versions.md": "versions.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "docs/architecture.md": "project/architecture.md",
    "docs/releasing.md": "project/releasing.md",
    "SECURITY.md": "project/security.md",
    "src/README.md": "packages/browser-use-client.md",
    "airflow_provider/README.md": "packages/airflow-provider-browser-use.md",
    "prefect_tasks/README.md": "packages/prefect-browser-use.md",
}
# Folders and files that are linked to, and what stands for them in the site.
INSTEAD = {"LICENSE": "project/license.md", "constraints": "versions.md"}
# What a package shows: its `__init__` says what it exports, and from where. Airflow asks for classes by their module.
EXPORTS = {
    "Client": "src/browser_use_client/__init__.py",
    "Prefect": "prefect_tasks/src/prefect_browser_use/__init__.py",
    "Local server": "src/browser_use_local/__init__.py",
}
AIRFLOW = {
    "operators": ("operators/task.py", "operators/session.py"),
    **{name: (f"{name}.py",) for name in ("decorators", "sensors", "sessions", "hooks", "triggers")},
}
_HEADING = re.compile(r"(#{1,4}) (.+)")
_LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)(#[^)\s]*)?\)")


@dataclass
class Page:
    """One page of the site: the file it comes from, where it goes, and its Markdown."""

    source: str
    target: str
    title: str
    text: str


def lines_of(text: str) -> Iterator[tuple[str, bool]]:
    """Each line, and whether it belongs to a code block."""
    in_code = False
    for line in text.splitlines(keepends=True):
        in_code ^= line.startswith("```")
        yield line, in_code


def headings_of(text: str) -> list[tuple[int, str, str]]:
    """Level, title and anchor of each heading."""
    found = [_HEADING.match(line) for line, in_code in lines_of(text) if not in_code]
    return [(len(one[1]), one[2], slugify(one[2], "-")) for one in found if one]


def read(source: str) -> str:
    """A file of the repository."""
    return (ROOT / source).read_text()


def plain(source: str, target: str) -> Page:
    """A page as it is."""
    text = read(source)
    return Page(source, target, headings_of(text)[0][1], text)


def sections(source: str) -> list[Page]:
    """The introduction of a page, and a page for each of its sections."""
    folder = Path(source).stem
    pages = [Page(source, f"{folder}/index.md", "", "")]
    for line, in_code in lines_of(read(source)):
        if not in_code and line.startswith("## "):
            [(_, title, anchor)] = headings_of(line)
            pages.append(Page(source, f"{folder}/{anchor}.md", title, ""))
        pages[-1].text += line.removeprefix("#") if not in_code and line.startswith("##") else line
    pages[0].title = "Overview"
    pages[0].text += "\n" + "".join(f"- [{page.title}](#{slugify(page.title, '-')})\n" for page in pages[1:])
    return pages


def example(path: Path) -> Page:
    """A page with a program."""
    source = path.relative_to(ROOT).as_posix()
    text = f"# {path.name}\n\n```python\n{path.read_text()}```\n"
    return Page(source, source.removesuffix("py") + "md", path.name, text)


def reference(title: str, package: str, modules: dict[str, list[str]], *, by_module: bool = False) -> Page:
    """A page with the public names of a package.

    Args:
        title: The page's.
        package: The package.
        modules: The names, by the module of the package that they come from.
        by_module: They are imported from their modules, not from the package.
    """
    whence = "their modules, as the titles say" if by_module else f"`{package}`"
    text = f"# {title}: API reference\n\nAll names are imported from {whence}.\n"
    for module, names in modules.items():
        words = module.rpartition(".")[2].strip("_").replace("_", " ").capitalize()
        text += f"\n## {f'`{package}.{module}`' if by_module else words}\n\n"
        text += "\n\n".join(f"::: {package}.{module}.{name}" for name in names) + "\n"
    return Page("", f"reference/{slugify(title, '-')}.md", title, text)


def exports(title: str, source: str) -> Page:
    """The reference of a package whose `__init__` imports what it exports."""
    package, found = Path(source).parent.name, dict[str, list[str]]()
    for node in ast.walk(ast.parse(read(source))):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith(f"{package}."):
            names = found.setdefault(str(node.module).removeprefix(f"{package}."), [])
            names += [one.name for one in node.names]
    return reference(title, package, found)


def airflow_modules() -> Page:
    """The reference of the provider: the public classes and functions of its modules."""
    found: dict[str, list[str]] = {}
    for module, files in AIRFLOW.items():
        body = [
            node for file in files for node in ast.parse(read(f"airflow_provider/src/airflow_browser_use/{file}")).body
        ]
        names = [node.name for node in body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
        found[module] = [name for name in names if not name.startswith("_")]
    return reference("Airflow", "airflow_browser_use", found, by_module=True)


class Site:
    """All pages, and the links between them."""

    def __init__(self) -> None:
        self.plain = {source: plain(source, target) for source, target in PLAIN.items()}
        self.jobs = {title: sections(source) for title, source in JOBS.items()}
        self.examples = {
            folder: [example(path) for path in sorted((ROOT / "examples" / folder.lower()).glob("*.py"))]
            for folder in ("Airflow", "Prefect")
        }
        self.reference = [airflow_modules(), *(exports(title, source) for title, source in EXPORTS.items())]
        self.licence = Page("LICENSE", INSTEAD["LICENSE"], "Licence", f"# Licence\n\n```\n{read('LICENSE')}```\n")
        self._anchors = {
            (page.source, anchor): (page.target, "" if level == 1 else anchor)
            for pages in self.jobs.values()
            for page in pages
            for level, _, anchor in headings_of(page.text)
        }
        pictures = [path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.png")]
        self._targets = {
            **{page.source: page.target for page in reversed(self.pages())},  # of a page in parts, the first one
            **{f"docs/{picture}": picture for picture in pictures},
            **INSTEAD,
        }

    def pages(self) -> list[Page]:
        """All of them."""
        many = [*self.jobs.values(), *self.examples.values()]
        return [*self.plain.values(), *(page for pages in many for page in pages), *self.reference, self.licence]

    def markdown(self, page: Page) -> str:
        """The text of a page, with its links as they are in the site; one without a target stays, and fails."""

        def link(found: re.Match[str]) -> str:
            path = posixpath.normpath(posixpath.join(posixpath.dirname(page.source), found[1]))
            source, anchor = path if found[1] else page.source, (found[2] or "")[1:]
            target, anchor = self._anchors.get((source, anchor), (self._targets.get(source), anchor))
            if target is None:
                return found[0]
            path = posixpath.relpath(target, posixpath.dirname(page.target) or ".")
            return f"]({path}{'#' + anchor if anchor else ''})"

        return "".join(line if in_code else _LINK.sub(link, line) for line, in_code in lines_of(page.text))

    def nav(self) -> list[Any]:
        """The navigation, as `mkdocs.yml` would have it."""

        def entries(pages: list[Page]) -> list[Any]:
            return [{page.title: page.target} for page in pages]

        def of(*sources: str) -> list[Any]:
            return entries([self.plain[source] for source in sources])

        def group(title: str) -> list[Any]:
            examples = self.examples.get(title)
            return entries(self.jobs[title]) + ([{"Examples": entries(examples)}] if examples else [])

        return [
            {"Home": "index.md"},
            {
                "Start": [
                    *of("docs/start-local.md", "docs/start-airflow.md", "docs/start-prefect.md", "docs/first-day.md"),
                    *of("docs/recurring.md", "docs/moving-to-v4.md"),
                ]
            },
            *({title: group(title)} for title in JOBS),
            {"Reference": [*entries(self.reference), *of("docs/errors.md", "docs/versions.md", "CHANGELOG.md")]},
            {
                "Project": [
                    *of("docs/architecture.md", "CONTRIBUTING.md", "docs/releasing.md", "SECURITY.md"),
                    {"Packages": of("src/README.md", "airflow_provider/README.md", "prefect_tasks/README.md")},
                    *entries([self.licence]),
                ]
            },
        ]


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """MkDocs asks for the navigation."""
    config.nav = Site().nav()
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """MkDocs asks for the pages: ours stand for all that it found in docs/."""
    for file in list(files.documentation_pages()):
        if f"docs/{file.src_uri}" not in {*PLAIN, *JOBS.values()}:
            raise PluginError(f"docs/site.py does not say where docs/{file.src_uri} goes.")
        files.remove(file)
    site = Site()
    for page in site.pages():
        files.append(File.generated(config, page.target, content=site.markdown(page)))
    return files
