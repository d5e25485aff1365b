"""Keeping endpoints while stores fail for a while."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest

from cmcore.cli.commands import serve
from cmcore.cli.view.endpoint_lines import EndpointView, Tail
from cmcore.errors import LeaseLostError, LineageError, PluginError, StateError
from cmcore.events import Event
from cmcore.serving.controller import Controller
from cmcore.stack import Project


class Quiet:
    """A log in which nothing happens."""

    def new(self) -> list[Event]:
        return []


class Notes(EndpointView):
    """A view that keeps what is said."""

    def __init__(self) -> None:
        super().__init__(tail=cast("Tail", Quiet()))
        self.said: list[str] = []

    def note(self, text: str, *, about: str = "") -> None:
        del about
        self.said.append(text)


def keeping(*troubles: Exception | None, monkeypatch: pytest.MonkeyPatch) -> tuple[int, list[str]]:
    """How often endpoints were kept until all of these had happened, and what was said."""
    left, calls, notes = list(troubles), [0], Notes()

    def keep(_project: object, _controller: object, *, until: object, told: Callable[[str, object], None]) -> None:
        del until
        calls[0] += 1
        told("delays", None)
        match left.pop(0):
            case PluginError() as error:
                told("delays", error)
            case Exception() as error:
                raise error
            case None:
                return

    monkeypatch.setattr("cmcore.stack.serving.serve", keep)
    monkeypatch.setattr(serve, "FIRST_WAIT_S", 0.0)
    serve.kept(cast("Project", None), cast("Controller", None), notes, lambda: not left)
    return calls[0], notes.said


@pytest.mark.parametrize("trouble", [StateError("database is locked"), LineageError("no space left")])
def test_a_store_that_fails_is_tried_again_and_told(trouble: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    assert keeping(trouble, None, monkeypatch=monkeypatch) == (2, [f"tried again until it goes on: {trouble}"])


def test_a_lost_lease_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LeaseLostError):
        keeping(LeaseLostError("bob has taken over"), None, monkeypatch=monkeypatch)


def test_an_endpoint_whose_plugin_is_missing_is_told_and_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    calls, said = keeping(PluginError("no plugin gives serving 'ray'"), None, monkeypatch=monkeypatch)
    assert (calls, said) == (2, ["delays is left alone: no plugin gives serving 'ray'"])
