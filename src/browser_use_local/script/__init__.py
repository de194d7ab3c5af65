"""The engine `script`: tasks in a strict, small English, carried out step by step without a model."""

from __future__ import annotations

from browser_use_local.script.engine import ScriptEngine

__all__ = ["ScriptEngine"]
