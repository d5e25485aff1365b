from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from cmcore import Secret
from cmcore.components.secret import spellings, take_from_environment
from cmcore.errors import ConfigError


def test_a_secret_is_written_as_its_name() -> None:
    assert str(Secret("api-token")) == "${secret:api-token}"


def test_nothing_that_python_shows_of_a_secret_is_its_value() -> None:
    secret = Secret.of("hunter2")
    assert "hunter2" not in f"{secret} {secret!r} {vars(secret)}"


@pytest.mark.parametrize("name", ["api-token", "api.token", "API_TOKEN"])
def test_the_value_is_looked_up_in_the_environment(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("CM_SECRET_API_TOKEN", "hunter2")
    assert Secret(name).reveal() == "hunter2"


def test_a_secret_taken_from_the_environment_is_only_in_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CM_SECRET_TAKEN", "hunter2")
    take_from_environment()
    assert (os.environ.get("CM_SECRET_TAKEN"), Secret("taken").reveal()) == (None, "hunter2")


def test_or_else_in_a_file_of_the_secrets_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "api-token").write_text("hunter2\n")
    monkeypatch.setenv("CM_SECRETS_DIR", str(tmp_path))
    assert Secret("api-token").reveal() == "hunter2"


def test_a_secret_that_is_nowhere_says_where_it_was_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CM_SECRETS_DIR", raising=False)
    with pytest.raises(
        ConfigError, match=r"neither \$CM_SECRET_GONE nor a file 'gone' in \$CM_SECRETS_DIR \(not set\)"
    ):
        Secret("gone").reveal()


@pytest.mark.parametrize("value", ["hunter2", 42, None])
def test_a_value_in_the_place_of_a_reference_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Secret[str]).validate_python(value)


def test_documents_and_back_is_the_same_secret() -> None:
    adapter = TypeAdapter(Secret[str])
    assert adapter.validate_json(adapter.dump_json(Secret("a"))) == Secret("a")


def test_secrets_with_one_name_are_equal() -> None:
    assert {Secret("a"), Secret("a"), Secret("b")} == {Secret("a"), Secret("b")}


def test_a_value_is_known_in_every_form_in_which_programs_write_it() -> None:
    assert spellings('a"b\n') == ['a\\"b\\n', 'a"b\\n', 'a"b\n']


def test_an_empty_value_has_no_form() -> None:
    assert spellings("") == []
