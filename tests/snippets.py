"""The snippets of the documentation, and what each says about itself.

A block of Markdown is run as it stands, unless a comment in the line before it says why not: `<!-- fragment -->` is a
part of a larger program, `<!-- cloud -->` needs a real account, `<!-- model -->` a language model.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
MARKERS = {"fragment", "cloud", "model"}
_BLOCK = re.compile(
    r"(?:^<!-- (?P<marker>.+?) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Snippet:
    """One block: where it stands, its language, and why it is not run, if it is not."""

    page: str
    line: int
    language: str
    text: str
    marker: str | None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def snippets(page: str) -> list[Snippet]:
    """The blocks of a page, in order."""
    text = (ROOT / page).read_text()
    return [
        Snippet(page, text.count("\n", 0, found.start("text")), found["language"], found["text"], found["marker"])
        for found in _BLOCK.finditer(text)
    ]


def imports(snippet: Snippet, *packages: str) -> str:
    """What a block of Python imports of these packages, as a program. Raises SyntaxError where it is no Python."""
    tree = ast.parse(snippet.text)
    found = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    return "\n".join(ast.unparse(node) for node in found if str(node.module).partition(".")[0] in packages)
