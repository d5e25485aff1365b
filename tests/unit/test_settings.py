"""Settings: which layer wins, and what is said of wrong ones."""

from __future__ import annotations

import pytest

from cmcore.errors import ConfigError
from cmcore.settings import ProjectSettings, RunSettings, Verify, parsed, settings_of

FILE = ProjectSettings(run=RunSettings(workers=2))


def test_the_file_wins_over_the_default() -> None:
    assert settings_of(FILE, {}, {}).values.run.workers == 2


def test_the_environment_wins_over_the_file() -> None:
    assert settings_of(FILE, {"CM_RUN__WORKERS": "3"}, {}).values.run.workers == 3


def test_a_flag_wins_over_the_environment() -> None:
    assert settings_of(FILE, {"CM_RUN__WORKERS": "3"}, {"run.workers": "4"}).values.run.workers == 4


def test_every_layer_is_told_and_the_winner_comes_last() -> None:
    layers = settings_of(FILE, {"CM_RUN__WORKERS": "3"}, {"run.workers": "4"}).explained("run.workers")
    assert [(layer.name, layer.value) for layer in layers] == [
        ("default", 0),
        ("file cm.yaml", 2),
        ("environment $CM_RUN__WORKERS", 3),
        ("--set", 4),
    ]


def test_enumerations_are_set_by_their_text() -> None:
    assert settings_of(FILE, {}, {"run.verify": "digest"}).values.run.verify is Verify.DIGEST


def test_an_unknown_key_is_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(ConfigError, match=r"no setting 'run\.worker'.*did you mean 'run\.workers'"):
        settings_of(FILE, {}, {"run.worker": "4"})


def test_a_wrong_value_names_its_layer() -> None:
    with pytest.raises(ConfigError, match=r"'run\.workers' from environment \$CM_RUN__WORKERS.*found 'many'"):
        settings_of(FILE, {"CM_RUN__WORKERS": "many"}, {})


def test_explaining_an_unknown_key_lists_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"stack\.lineage"):
        settings_of(FILE, {}, {}).explained("lineage")


def test_options_of_a_file_system_are_one_setting() -> None:
    text = '{"endpoint_url": "http://localhost:9000"}'
    values = settings_of(FILE, {"CM_STACK__ARTIFACTS__OPTIONS": text}, {}).values
    assert values.stack.artifacts.options == {"endpoint_url": "http://localhost:9000"}


@pytest.mark.parametrize("text", ["42", "true", "null", "[1]"])
def test_a_setting_that_is_a_text_takes_any_text(text: str) -> None:
    assert settings_of(FILE, {"CM_ACTOR": text}, {}).values.actor == text


def test_a_misspelt_variable_is_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(ConfigError, match=r"\$CM_STAKC__LINEAGE sets nothing; did you mean 'CM_STACK__LINEAGE'"):
        settings_of(FILE, {"CM_STAKC__LINEAGE": "sqlite:///x"}, {})


def test_two_trackers_of_one_name_are_refused() -> None:
    twice = '[{"name": "mlflow"}, {"name": "mlflow"}]'
    with pytest.raises(ConfigError, match="trackers has 'mlflow' more than once"):
        settings_of(FILE, {}, {"stack.trackers": twice})


def test_what_a_layer_says_is_plain_json() -> None:
    file = ProjectSettings.model_validate({"stack": {"trackers": [{"name": "mlflow"}]}})
    layers = settings_of(file, {}, {}).explained("stack.trackers")
    assert layers[-1].value == [{"name": "mlflow", "options": {}, "patience_s": 10.0}]


@pytest.mark.parametrize("text", ["1e400", "-1e400", "NaN", "Infinity"])
def test_a_number_that_json_cannot_hold_stays_a_text(text: str) -> None:
    assert parsed(text) == text
