"""What Airflow reads about this provider without importing the rest of it."""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """The entry point `apache_airflow_provider`."""
    name = "Browser Use"
    return {
        "package-name": "airflow-provider-browser-use",
        "name": name,
        "description": "Run `Browser Use <https://browser-use.com/>`__ tasks, each exactly once.",
        "integrations": [
            {
                "integration-name": name,
                "external-doc-url": "https://docs.browser-use.com/",
                "tags": ["service"],
            }
        ],
        "operators": [
            {
                "integration-name": name,
                "python-modules": ["airflow_browser_use.operators.task", "airflow_browser_use.operators.session"],
            }
        ],
        "sensors": [{"integration-name": name, "python-modules": ["airflow_browser_use.sensors"]}],
        "hooks": [{"integration-name": name, "python-modules": ["airflow_browser_use.hooks"]}],
        "triggers": [{"integration-name": name, "python-modules": ["airflow_browser_use.triggers"]}],
        "task-decorators": [{"name": "browser_use", "class-name": "airflow_browser_use.decorators.browser_use_task"}],
        "extra-links": ["airflow_browser_use.links.LiveViewLink", "airflow_browser_use.links.RecordingLink"],
        "config": {
            "browser_use": {
                "description": "Browser Use tasks.",
                "options": {
                    "show_live_url": {
                        "description": "Write live URLs, with which anybody can drive a browser, into XCom and the"
                        " log, for tasks whose `show_live_url` is not given.",
                        "version_added": "0.1.0",
                        "type": "boolean",
                        "example": None,
                        "default": "False",
                    },
                    "task_instance_tab": {
                        "description": "Show the page of its browser as a tab of every task instance (Airflow 3.1).",
                        "version_added": "0.1.0",
                        "type": "boolean",
                        "example": None,
                        "default": "False",
                    },
                },
            }
        },
        "connection-types": [
            {
                "connection-type": "browser_use",
                "hook-class-name": "airflow_browser_use.hooks.BrowserUseHook",
                "hook-name": name,
                "ui-field-behaviour": {
                    "hidden-fields": ["schema", "login", "port"],
                    "relabeling": {"host": "Base URL", "password": "API key"},
                    "placeholders": {"host": "left empty: Browser Use Cloud", "password": "bu_..."},
                },
                "conn-fields": {
                    "api_version": {
                        "label": "API version",
                        "description": "What the server speaks. v4: the API of today, with runs, workspaces and cost"
                        " limits. v2-flat, v2-nested: the two revisions of the one before. auto: what the base URL"
                        " ends in; without one, and at /v2, a revision of v2, which the server is asked for once.",
                        "schema": {
                            "type": ["string", "null"],
                            "enum": ["auto", "v2-nested", "v2-flat", "v4"],
                            "default": "auto",
                        },
                    },
                    "timeout": {
                        "label": "Time-out",
                        "description": "Seconds that one request may take.",
                        "schema": {"type": ["number", "null"], "default": 30, "exclusiveMinimum": 0},
                    },
                    "verify": {
                        "label": "CA bundle",
                        "description": "Path of the CA bundle to trust, where the network has a CA of its own;"
                        " false trusts everybody.",
                        "schema": {"type": ["string", "null"]},
                    },
                    "proxy": {
                        "label": "Proxy",
                        "description": "URL of the proxy, http://NAME:PASSWORD@proxy.example:3128, where the"
                        " environment of Airflow does not name it.",
                        "schema": {"type": ["string", "null"], "format": "password"},
                    },
                },
            }
        ],
    }
