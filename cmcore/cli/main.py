"""The entry point of `cm`: its own options and the table of its commands. Before a call only click is imported."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import click

from cmcore import __version__
from cmcore.cli.border import guarded
from cmcore.cli.invocation import Invocation
from cmcore.cli.lazy import Entry, LazyGroup

HOME = "cmcore.cli.commands"


class Commands(LazyGroup):
    """The commands of `cm`."""

    sections: ClassVar = {
        "Run pipelines": {
            "run": Entry(f"{HOME}.run:run", "Run a pipeline and watch it."),
            "resume": Entry(f"{HOME}.resume:resume", "Go on with a run that was killed, canceled or failed."),
            "plan": Entry(f"{HOME}.plan:plan", "Say what a run would do: hit, miss and why, or unknown."),
            "validate": Entry(f"{HOME}.validate:validate", "Check documents; show every problem at its line."),
            "reproduce": Entry(f"{HOME}.reproduce:reproduce", "Run an old run again, and compare what comes of it."),
        },
        "Look back": {
            "runs": Entry(f"{HOME}.runs:runs", "List runs, the newest first."),
            "show": Entry(f"{HOME}.show:show", "Show one run: code, parameters, nodes, outputs."),
            "logs": Entry(f"{HOME}.logs:logs", "Print what the nodes of a run printed."),
            "lineage": Entry(
                f"{HOME}.lineage:lineage", "Walk from an artifact to what it was made from, or what was made of it."
            ),
            "cache": Entry(f"{HOME}.cache:cache", "Ask why a node was, or was not, found in the cache."),
        },
        "Compare runs": {
            "search": Entry(f"{HOME}.search:search", "Find runs by what they tracked."),
            "compare": Entry(f"{HOME}.compare:compare", "Put runs side by side, as a table or as a page with plots."),
            "leaderboard": Entry(f"{HOME}.leaderboard:leaderboard", "Rank runs by a metric, the best first."),
            "tag": Entry(f"{HOME}.tag:tag", "Label a run, or take labels away."),
            "note": Entry(f"{HOME}.note:note", "Write a remark on a run, a model or a version."),
            "tracking": Entry(f"{HOME}.tracking:tracking", "How far trackers have got; deliver what waits."),
        },
        "Models": {
            "register": Entry(f"{HOME}.register:register", "Make a model of a run a version, its number computed."),
            "models": Entry(f"{HOME}.models:models", "List, show and search models and versions."),
            "describe": Entry(f"{HOME}.describe:describe", "Give a model or a version properties and links."),
            "approve": Entry(f"{HOME}.approve:approve", "Approve a version for an environment, or reject it."),
            "promote": Entry(f"{HOME}.promote:promote", "Make a version an environment's, if its policy allows."),
            "alias": Entry(f"{HOME}.alias:alias", "Name a version, or take a name away."),
            "history": Entry(f"{HOME}.history:history", "Say which version was where, when, and by whom."),
            "why": Entry(
                f"{HOME}.why:why",
                "Say why a model is what it is: who let it in on what evidence, which run made it, of what.",
            ),
            "card": Entry(f"{HOME}.card:card", "Write a version's model card."),
            "sign": Entry(f"{HOME}.sign:sign", "Sign a version with its provenance, or verify that."),
            "scan": Entry(f"{HOME}.scan:scan", "Say what model files are, and whether loading them is safe."),
            "policy": Entry(f"{HOME}.policy:policy", "Show or apply what environments demand."),
            "audit": Entry(f"{HOME}.audit:audit", "Read the registry's log, or verify its chain."),
        },
        "Serve models": {
            "deploy": Entry(f"{HOME}.deploy:deploy", "Serve what a document says, and watch it until it is served."),
            "serve": Entry(f"{HOME}.serve:serve", "Keep the project's endpoints as they are wanted."),
            "status": Entry(f"{HOME}.status:status", "Say what is served, where, and whether it is as it should be."),
            "predict": Entry(f"{HOME}.predict:predict", "Ask an endpoint for predictions."),
            "update": Entry(
                f"{HOME}.update:update",
                "Bring an endpoint to the versions that its document means now, or to another one.",
            ),
            "rollback": Entry(f"{HOME}.rollback:rollback", "Serve what an earlier revision of an endpoint said."),
            "recycle": Entry(f"{HOME}.recycle:recycle", "Stop serving an endpoint, and give back what it used."),
            "profile": Entry(
                f"{HOME}.profile:profile",
                "Measure a version on a server of its own before it is promoted, and find the cheapest setup that is "
                "good enough.",
            ),
        },
        "Data": {
            "data": Entry(f"{HOME}.data:data", "Snapshot, list, compare and check out versions of data."),
        },
        "The project": {
            "config": Entry(f"{HOME}.config:config", "Say which layer set a setting."),
            "components": Entry(f"{HOME}.components:components", "List components, or show what one takes and gives."),
            "plugins": Entry(f"{HOME}.plugins:plugins", "List installed plugins and find out what is wrong."),
            "schema": Entry(f"{HOME}.schema:schema", "Print the JSON Schema of documents, for editors."),
            "gc": Entry(f"{HOME}.gc:gc", "Find, and delete if told so, payloads that nobody needs."),
            "pin": Entry(f"{HOME}.pin:pin", "Keep a run or a version from being collected."),
        },
    }


@click.command(
    "cm",
    cls=Commands,
    epilog="Start with: cm run pipeline.py. Each command explains itself: cm run --help",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.option(
    "--project", "folder", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR",
    help="The project's folder.  [default: the nearest one with cm.yaml, else this one]",
)  # fmt: skip
@click.option("--strict-plugins", is_flag=True, help="A broken plugin is an error.")
@click.option("--debug", is_flag=True, help="Show a traceback for every error.")
@click.version_option(__version__, prog_name="cm", message="%(prog)s %(version)s")
@click.pass_context
def cm(context: click.Context, folder: Path | None, strict_plugins: bool, debug: bool) -> None:
    """From raw data to models that are served, with a record of everything in between."""
    context.obj = Invocation(folder=folder, strict_plugins=strict_plugins, debug=debug)
    if os.environ.get("NO_COLOR"):
        context.color = False


def run(arguments: Sequence[str]) -> int:
    """Carry out one command line; its exit code."""
    return guarded(cm, arguments)


def main() -> None:
    """What the installed script `cm` calls."""
    if "_CM_COMPLETE" in os.environ:
        cm.main(prog_name="cm")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal cannot show is no reason to fail
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
