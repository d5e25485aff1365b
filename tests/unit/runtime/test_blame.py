from __future__ import annotations

import json

import pytest

from cmcore.runtime.blame import LONGEST, failure_of
from cmcore.runtime.job import Failure, FailureCode

RAISED = FailureCode.RAISED


class MuteError(Exception):
    def __str__(self) -> str:
        raise RuntimeError


def failure(error: BaseException, *secrets: str) -> Failure:
    try:
        raise error  # noqa: TRY301 # an exception has frames only once it was raised
    except BaseException as caught:
        return failure_of(caught, RAISED, secrets)


def test_the_frame_is_the_author_s_though_a_library_raised() -> None:
    with pytest.raises(ValueError, match="Expecting") as raised:
        json.loads("{")
    assert failure_of(raised.value, RAISED).frame.endswith("in test_the_frame_is_the_author_s_though_a_library_raised")


def test_an_exception_without_a_text_is_told_by_its_class() -> None:
    assert failure(KeyboardInterrupt()).message == "KeyboardInterrupt"


def test_an_exception_whose_text_raises_is_told_all_the_same() -> None:
    assert "its text cannot be had: RuntimeError" in failure(MuteError()).message


def test_half_a_character_can_be_written_down() -> None:
    assert Failure.model_validate_json(failure(ValueError("\udcff")).model_dump_json()).message == "\\udcff"


def test_long_texts_are_cut() -> None:
    told = failure(ValueError("x" * 10_000_000))
    assert (len(told.message), len(told.traceback) < LONGEST + 10) == (LONGEST, True)


def test_of_a_long_traceback_both_ends_are_kept() -> None:
    told = failure(ValueError("x" * 100_000 + "the end"))
    assert (told.traceback.startswith("Traceback"), told.traceback.endswith("the end\n")) == (True, True)


@pytest.mark.parametrize("at", [0, LONGEST - 3, LONGEST // 2 - 100, 50_000])
def test_a_secret_is_blotted_out_before_the_text_is_cut(at: int) -> None:
    told = failure(ValueError("x" * at + "hunter2"), "hunter2").model_dump_json()
    assert ("hunter2" in told, "hun" in told) == (False, False)


@pytest.mark.parametrize("secret", ["a\nb", 'quo"te', "it's", "tab\t", "größer"])
def test_a_secret_is_blotted_out_as_repr_writes_it_too(secret: str) -> None:
    told = failure(KeyError(secret, {secret: secret}), secret)
    assert (secret in told.traceback, repr(secret)[1:-1] in told.traceback) == (False, False)


def test_a_secret_in_the_name_of_the_class_is_blotted_out() -> None:
    assert failure(type("hunter2", (Exception,), {})(), "hunter2").exception == "[secret]"


def test_a_secret_that_is_a_code_changes_no_code() -> None:
    assert failure(ValueError("x"), "RAISED").code is RAISED
