"""What the fields of a block may be called: Prefect's blocks take any name, and so a misspelt one."""

from __future__ import annotations

from prefect.blocks.core import Block
from pydantic import ConfigDict

SECRETIVE = ConfigDict(hide_input_in_errors=True)
"""An error about a field with a secret shows nothing of what was given."""


def refuse_unknown_fields(block: Block) -> None:
    """Looks whether a block was given a field that it does not have.

    Raises:
        ValueError: It was, with the names of those that it has.
    """
    # What Prefect itself adds when it writes a block down.
    given = {name for name in block.model_extra or {} if name != "block_type_slug" and not name.startswith("_")}
    known = type(block).model_fields
    if unknown := sorted(given - known.keys()):
        names = ", ".join(map(repr, unknown))
        raise ValueError(f"{type(block).__name__} has no field {names}; there are {', '.join(sorted(known))}.")
