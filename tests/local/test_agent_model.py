from __future__ import annotations

import pytest

from browser_use_local.agent import Model, ModelError


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("openai:gpt-4.1", ("openai", "gpt-4.1", None, "OPENAI_API_KEY")),
        ("anthropic:claude-sonnet-4-6", ("anthropic", "claude-sonnet-4-6", None, "ANTHROPIC_API_KEY")),
        ("ollama:qwen3:32b", ("ollama", "qwen3:32b", None, None)),
        ("http://127.0.0.1:1234/v1#qwen/qwen3:32b", ("openai", "qwen/qwen3:32b", "http://127.0.0.1:1234/v1", None)),
    ],
)
def test_a_model_is_named_by_who_runs_it(text: str, model: tuple[str, str, str | None, str | None]) -> None:
    read = Model.of(text)
    assert (read.provider, read.name, read.url, read.key_variable) == model


@pytest.mark.parametrize("text", ["gpt-4.1", "openai:", "gemini:pro", "http://127.0.0.1:1234/v1"])
def test_what_names_no_model_is_refused_with_what_does(text: str) -> None:
    with pytest.raises(ModelError, match="#"):
        Model.of(text)


def test_the_key_must_be_there_where_one_is_needed() -> None:
    keys = {"OPENAI_API_KEY": "sk-0123456789abcdef", "ANTHROPIC_API_KEY": "none", "HOME": "where-all-my-folders-are"}
    assert Model.of("ollama:llama3").keys({}) == {}
    assert Model.of("openai:gpt-4.1").keys(keys) == {"OPENAI_API_KEY": "sk-0123456789abcdef"}
    with pytest.raises(ModelError, match="needs its key in the environment variable ANTHROPIC_API_KEY"):
        Model.of("anthropic:claude-sonnet-4-6").keys({"OPENAI_API_KEY": "sk-1"})
