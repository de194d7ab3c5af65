"""The request bodies of v4 as JSON schemas; see `schemas`. Fields that are not known are refused everywhere."""

from __future__ import annotations

from .schemas import (
    COUNTRY,
    FLAG,
    TEXT,
    UUID_TEXT,
    Schema,
    action,
    object_of,
    or_null,
    whole_number,
)

ANY_OBJECT: Schema = {"type": "object", "additionalProperties": True}
HOST: Schema = {"type": "string", "pattern": r"^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$"}
MONEY: Schema = {
    "anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string", "pattern": r"^\d*\.?\d+$"}],
}

SINCE_OCTOBER = frozenset(
    (
        "outputSchema",
        "keepAlive",
        "opVaultId",
        "opVaultAllowedDomains",
        "agentcardWalletId",
        "stripeLinkConnectionId",
    )
)
"""What POST /runs of September 2026 did not take yet."""


def _text(smallest: int, largest: int) -> Schema:
    return {"type": "string", "minLength": smallest, "maxLength": largest}


def _list(items: Schema, smallest: int, largest: int) -> Schema:
    return {"type": "array", "items": items, "minItems": smallest, "maxItems": largest}


_CUSTOM_PROXY = object_of(
    {
        "host": _text(1, 255),
        "port": whole_number(1, 65535),
        "username": or_null(_text(1, 255)),
        "password": or_null(_text(1, 255)),
        "ignoreCertErrors": FLAG,
    },
    "host",
    "port",
)
_BROWSER_SETTINGS = object_of(
    {
        "profileId": or_null(UUID_TEXT),
        "proxyCountryCode": or_null(COUNTRY),
        "customProxy": or_null(_CUSTOM_PROXY),
        "screenWidth": or_null(whole_number(320, 6144)),
        "screenHeight": or_null(whole_number(320, 3456)),
        "allowResizing": or_null(FLAG),
        "record": or_null(FLAG),
        "extensionIds": or_null(_list(UUID_TEXT, 0, 3)),
    }
)
_INLINE_SECRET = object_of({"type": TEXT | {"enum": ["inline"]}, "value": _text(1, 4096)}, "type", "value")
_SECRET_OF_1PASSWORD = object_of(
    {
        "type": TEXT | {"enum": ["onepassword"]},
        "integrationId": UUID_TEXT,
        "vaultId": _text(1, 64),
        "itemId": _text(1, 64),
        "fieldId": _text(1, 64),
    },
    "type",
    "integrationId",
    "vaultId",
    "itemId",
    "fieldId",
)
_SECRET = object_of(
    {
        "alias": _text(1, 255),
        "source": {"anyOf": [_INLINE_SECRET, _SECRET_OF_1PASSWORD]},
        "allowedDomains": _list(HOST, 1, 20),
    },
    "alias",
    "source",
    "allowedDomains",
)
_PROFILE = object_of({"name": or_null(_text(0, 100)), "userId": or_null(_text(0, 255))})

BODIES: dict[str, Schema] = {
    "create run": object_of(
        {
            "task": {"type": "string", "minLength": 1},
            "outputSchema": or_null(ANY_OBJECT),
            "model": TEXT,
            "modelParams": or_null(ANY_OBJECT),
            "sessionId": or_null(UUID_TEXT),
            "workspaceId": or_null(UUID_TEXT),
            "browserSettings": or_null(_BROWSER_SETTINGS),
            "keepAlive": or_null(whole_number(120, 14_400)),
            "agentmail": FLAG,
            "agentcardWalletId": or_null(UUID_TEXT),
            "stripeLinkConnectionId": or_null(UUID_TEXT),
            "attachedFileIds": or_null(_list(UUID_TEXT, 0, 20)),
            "judge": or_null(object_of({"context": or_null(_text(0, 10_000))})),
            "secretBindings": or_null(_list(_SECRET, 0, 20)),
            "opVaultId": or_null(_text(1, 64)),
            "opVaultAllowedDomains": or_null(_list(HOST, 0, 20)),
            "maxCostUsd": or_null(MONEY),
        },
        "task",
    ),
    "workspace": object_of({"name": or_null(_text(0, 100))}),
    "upload": object_of(
        {
            "files": _list(
                object_of(
                    {"name": _text(1, 255), "contentType": _text(0, 255), "size": whole_number(1, 52_428_800)},
                    "name",
                    "size",
                ),
                1,
                10,
            ),
            "allowOverrides": FLAG,
        },
        "files",
    ),
    "update browser": action("stop"),
    "update session": object_of({"title": or_null(_text(0, 255))}),
    "share": object_of({"isActive": FLAG}, "isActive"),
    "profiles": _PROFILE,
}
