"""Keeps secrets out of everything that is written down."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import quote, quote_plus


def mask(text: str, secrets: Mapping[str, str]) -> str:
    """Replaces each secret value by its placeholder, `{{name}}`, also where it stands in a URL or in JSON."""
    spellings = {
        spelling: name
        for name, value in secrets.items()
        if value
        for spelling in (value, quote(value, safe=""), quote(value), quote_plus(value), json.dumps(value)[1:-1])
    }
    for spelling in sorted(spellings, key=len, reverse=True):
        text = text.replace(spelling, "{{" + spellings[spelling] + "}}")
    return text
