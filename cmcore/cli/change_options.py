"""The options that deploy, update, rollback and recycle share: why, how long somebody waits, and for whom to tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

import click

TIMEOUT_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOptions:
    """How a change is asked for; `drained`: wait until what was replaced is gone, where the steps are taken here."""

    reason: str = ""
    wait: bool = True
    drained: bool = True
    timeout_s: float = TIMEOUT_S
    as_json: bool = False


def change_options(*, replaces: bool = True) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The options for a command, which gets them as its keyword argument `options`; `replaces`: something else is
    served afterwards, so that its draining need not be waited for."""
    reason = click.option("--reason", default="", metavar="TEXT", help="Why; it stays with the revision.")
    no_wait = click.option("--no-wait", is_flag=True, help="Only write down what is wanted; cm serve does the rest.")
    no_drain = click.option("--no-drain", is_flag=True, help="Do not wait until what was replaced is gone.")
    seconds = click.FloatRange(0)
    timeout = click.option(
        "--timeout",
        "timeout_s",
        default=TIMEOUT_S,
        show_default=True,
        type=seconds,
        metavar="SECONDS",
        help="How long to wait; what is wanted stays so.",
    )
    as_json = click.option(
        "--json", "as_json", is_flag=True, help="One JSON event per line; the last line is the outcome."
    )

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def with_options(
            *, reason: str, no_wait: bool, timeout_s: float, as_json: bool, no_drain: bool = False, **given: object
        ) -> None:
            options = ChangeOptions(
                reason=reason, wait=not no_wait, drained=not no_drain, timeout_s=timeout_s, as_json=as_json
            )
            command(options=options, **given)

        decorated = with_options
        for option in [as_json, timeout, *([no_drain] if replaces else []), no_wait, reason]:
            decorated = option(decorated)
        return decorated

    return decorate
