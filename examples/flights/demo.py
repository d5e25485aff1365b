"""What `make demo` shows: the flights pipeline run here, its model registered, approved, promoted, served, and why."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from cmcore import Project

HERE = Path(__file__).parent
CM = Path(sys.executable).with_name("cm")
VERSION = ("The version, its number computed from evidence", "", ("models", "flights@candidate"))
SERVING = (
    ("What is production's becomes an endpoint on a Triton server of this machine", "", ("deploy", "endpoint.yaml")),
    ("Ask it about flights that the model has recorded", "", ("predict", "flights", "--sample")),
)
WHY = "Why this answer: the served model's name, which every answer carries, leads back to data, people and code"
PROMOTION = (
    (
        "Its maker alone may not promote it: the default policy wants somebody else (cm policy show flights)", "",
        ("promote", "flights@candidate", "--to", "production"),
    ),
    (
        "So somebody else looks at it and approves", "release-manager",
        ("approve", "flights@candidate", "--for", "production", "--reason", "metrics and slices looked at"),
    ),
    ("Now the gates are open", "", ("promote", "flights@candidate", "--to", "production")),
)  # fmt: skip
SLICE_METRICS = ("auc", "log_loss", "precision", "recall")


def main() -> int:
    """Prepare the data once, run the pipeline, show what came of it; the exit code is the run's."""
    if not (HERE / "data").is_dir():
        subprocess.run([sys.executable, "prepare.py"], cwd=HERE, check=True)
    command = [str(CM), "--project", str(HERE), "run", str(HERE / "pipeline.yaml")]
    code = subprocess.run(command, cwd=HERE, check=False).returncode  # noqa: S603 # our own command
    if code:
        return code
    console = Console()
    with Project(HERE) as project:
        show(project, console)
        places = {alias.name: alias.version for alias in project.registry.aliases("flights")}
    settled = places.get("production") == places.get("candidate")
    for what, actor, command in (VERSION, *(() if settled else PROMOTION), *SERVING):
        console.print(f"\n{what}", style="bold")
        if code := type_in(command, actor, console):
            return code
    console.print(f"\n{WHY}", style="bold")
    code = type_in(("why", served()), "", console)
    propose(console)
    return code


def show(project: Project, console: Console) -> None:
    """The evaluation of the newest run, the files worth opening."""
    run = project.ledger.runs.list(limit=1)[0].run
    outputs = {
        f"{execution.node}.{edge.key}": Path(edge.artifact.uri.removeprefix("file://"))
        for execution in project.lineage.executions(run)
        for edge in execution.outputs
    }
    evaluation = json.loads((outputs["evaluator.evaluation"] / "evaluation.json").read_text(encoding="utf-8"))
    blessing = json.loads((outputs["evaluator.blessing"] / "blessing.json").read_text(encoding="utf-8"))
    console.print(metrics_table(evaluation))
    console.print(slices_table(evaluation))
    console.print(f"The model is {'blessed' if blessing['blessed'] else 'not blessed'}.\n", style="bold")
    console.print("Look at", style="bold")
    for what, where in (
        ("model, in MLflow's layout", outputs["trainer.model"]),
        ("statistics, a page", outputs["stats.statistics"] / "index.html"),
        ("evaluation, a page", outputs["evaluator.evaluation"] / "index.html"),
    ):
        console.print(f"  {what:26} {where}", soft_wrap=True)


def served() -> str:
    """The name of the model that has the endpoint's traffic."""
    with Project(HERE) as project:
        state = project.endpoints.state("flights")
        return next(each.name for each in state.deployments if each.number == state.traffic["main"])


def type_in(command: Sequence[str], actor: str, console: Console) -> int:
    """A command as somebody types it, and what it says; its exit code, 0 where it is meant to be refused."""
    given = f"CM_ACTOR={actor} " if actor else ""
    console.print(f"$ {given}cm {shlex.join(command)}", style="dim", soft_wrap=True)
    environment = {**os.environ, **({"CM_ACTOR": actor} if actor else {})}
    done = subprocess.run([CM, "--project", HERE, *command], cwd=HERE, env=environment, check=False)  # noqa: S603 # ours
    return 0 if command[0] == "promote" else done.returncode


def propose(console: Console) -> None:
    """Commands to try next."""
    cm = CM.relative_to(Path.cwd()) if CM.is_relative_to(Path.cwd()) else CM
    console.print("\nTry next", style="bold")
    for command in (
        f"run {HERE / 'pipeline.yaml'} --set iterations=250",
        "models flights",
        "compare latest --html compare.html",
        "card flights@production --format html -o card.html",
        "serve",
        f"deploy {HERE / 'endpoint.yaml'} --backend ray",
        f"profile flights@production --endpoint {HERE / 'endpoint.yaml'} --p99-ms 20 --seconds 1",
        "recycle flights --yes",
    ):
        console.print(f"  {cm} --project {HERE} {command}", soft_wrap=True)


def metrics_table(evaluation: dict[str, dict[str, dict[str, dict[str, float]]]]) -> Table:
    """All metrics over the whole evaluation split, with their 95 % intervals."""
    table = Table("metric", "value", "95 % interval", title="Evaluation", title_justify="left")
    for name, metric in evaluation["overall"]["metrics"].items():
        table.add_row(name, f"{metric['value']:.4f}", f"{metric['low']:.4f} to {metric['high']:.4f}")
    return table


def slices_table(evaluation: dict[str, list[dict[str, dict[str, dict[str, float | None]]]]]) -> Table:
    """Some metrics by slice."""
    table = Table("slice", "rows", *SLICE_METRICS, title="Slices", title_justify="left")
    for part in evaluation["slices"]:
        name = ", ".join(f"{column} = {value}" for column, value in part["of"].items())
        values = (part["metrics"][metric]["value"] for metric in SLICE_METRICS)
        cells = ("-" if value is None else f"{value:.4f}" for value in values)  # a one-class slice has no AUC
        table.add_row(name, f"{part['rows']:,}", *cells)
    return table


if __name__ == "__main__":
    sys.exit(main())
