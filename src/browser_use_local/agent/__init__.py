"""The engine `agent`: the open-source browser-use agent with the user's own model, in a process of its own."""

from __future__ import annotations

from browser_use_local.agent.engine import AgentEngine
from browser_use_local.agent.environment import Environment, NoPythonError
from browser_use_local.agent.model import Model, ModelError

__all__ = ["AgentEngine", "Environment", "Model", "ModelError", "NoPythonError"]
