"""Which runs words on the command line mean: a name, the beginning of one, or `latest`."""

from __future__ import annotations

from collections.abc import Sequence

from cmcore.cli.naming import run_named
from cmcore.errors import NotFoundError
from cmcore.state.runs import RunRow, Runs

LATEST = "latest"


def chosen_run(word: str, runs: Runs) -> RunRow:
    """The run that a word means; raises NotFoundError, UsageError."""
    return newest(runs)[0] if word == LATEST else run_named(word, runs)


def chosen_runs(words: Sequence[str], runs: Runs) -> list[str]:
    """The runs to be put side by side: those named, each once; of one or none, also the one before it of its pipeline.

    Raises NotFoundError where there are not two.
    """
    found = list(dict.fromkeys(chosen_run(word, runs).run for word in words))
    if len(found) > 1:
        return found
    last = chosen_run(found[0] if found else LATEST, runs)
    of_pipeline = runs.list(pipeline=last.pipeline, limit=10_000)
    before = [row.run for row in of_pipeline if row.created_at <= last.created_at and row.run != last.run]
    if not before:
        raise NotFoundError(
            f"{last.run} is the first run of pipeline {last.pipeline!r}: there is nothing before it to compare it with"
        )
    return [before[0], last.run]


def newest(runs: Runs) -> Sequence[RunRow]:
    """The newest run; raises NotFoundError where there is none."""
    if found := runs.list(limit=1):
        return found
    raise NotFoundError("there are no runs yet in this project; start one: cm run PIPELINE")
