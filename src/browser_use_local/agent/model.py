"""The language model that the agent asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal
from urllib.parse import urlsplit

FORMS = (
    "openai:gpt-4.1, anthropic:claude-sonnet-4-6, ollama:llama3, or the URL of any server that speaks OpenAI's API"
    " with the model behind a #, as in http://127.0.0.1:1234/v1#qwen3"
)

MIN_MASKED_KEY_CHARACTERS = 16


class ModelError(Exception):
    """The model cannot be used as it was named. The message is for the user."""


@dataclass(frozen=True)
class Model:
    """A model, and who runs it.

    Args:
        text: How the user named it.
        provider: Whose API it speaks.
        name: Its name there.
        url: The URL of a server of one's own; None: what the provider's usual environment variables say, else the
            provider.
        key_variable: The environment variable that must hold the key; None: no key is needed.
    """

    text: str
    provider: Literal["openai", "anthropic", "ollama"]
    name: str
    url: str | None = None
    key_variable: str | None = None

    @classmethod
    def of(cls, text: str | None) -> Model:
        """Reads what the user wrote.

        Raises:
            ModelError: It is missing, or names none.
        """
        if not text:
            raise ModelError(f"The agent needs a model: name one with --model: {FORMS}.")
        url, _, name = text.partition("#")
        if urlsplit(url).scheme in {"http", "https"}:
            if not name:
                raise ModelError(f"{text} does not say which model: write its name behind a #, as in {url}#qwen3.")
            return cls(text, "openai", name, url=url)
        provider, _, name = text.partition(":")
        if name and provider == "openai":
            return cls(text, "openai", name, key_variable="OPENAI_API_KEY")
        if name and provider == "anthropic":
            return cls(text, "anthropic", name, key_variable="ANTHROPIC_API_KEY")
        if name and provider == "ollama":
            return cls(text, "ollama", name)
        raise ModelError(f"{text!r} is not a model that the agent knows. Name one with --model: {FORMS}.")

    def keys(self, environment: Mapping[str, str]) -> dict[str, str]:
        """The keys that the agent will find, by the names of their variables: never to be written down.

        What is too short to be one is left out: servers of one's own are content with words such as `none`.

        Raises:
            ModelError: The one that the model needs is not there.
        """
        if self.key_variable and not environment.get(self.key_variable):
            raise ModelError(f"The model {self.text} needs its key in the environment variable {self.key_variable}.")
        keys = {name: environment.get(name, "") for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY")}
        return {name: key for name, key in keys.items() if len(key) >= MIN_MASKED_KEY_CHARACTERS}

    def as_message(self) -> dict[str, str | None]:
        """What the agent's program is told."""
        return asdict(self)
