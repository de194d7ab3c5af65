"""How the figures are shown."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Row:
    """One line of a table; `met` is None where there is nothing to meet."""

    figure: str
    ours: str
    theirs: str = "-"
    target: str = ""
    met: bool | None = None


def table(rows: list[Row], ours: str, theirs: str) -> str:
    """The rows under one another.

    Args:
        rows: The lines.
        ours: What the first column of figures is of.
        theirs: What it is compared with.
    """
    verdicts = {True: "met", False: "MISSED", None: ""}
    lines = [
        ("", ours, theirs, "target", ""),
        *((row.figure, row.ours, row.theirs, row.target, verdicts[row.met]) for row in rows),
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(5)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def milliseconds(seconds: float) -> str:
    """For a table."""
    return f"{seconds * 1000:.1f} ms"
