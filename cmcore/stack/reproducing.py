"""Running an old run again in a place of its own, and comparing. What is compared how is provenance's.

A reproduction is a project below `.cm/reproductions`: its own runs, lineage and payloads, recorded code as its files.
Nothing that it does is seen by the project's cache, resolvers, trackers or registry; of the project it only reads.
"""

from __future__ import annotations

import itertools
import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic_core import to_json

from cmcore.components.code.environment import environment
from cmcore.errors import ConfigError, NotFoundError, StorageError, UsageError
from cmcore.lineage.record import ArtifactRecord
from cmcore.lineage.walk import deletion
from cmcore.pipelines.plan import NodeKind, Plan
from cmcore.provenance.machine import machine
from cmcore.provenance.origin import recorded_environment
from cmcore.provenance.reproduction import venv
from cmcore.provenance.reproduction.code import Checkout, Wanted, checked_out
from cmcore.provenance.reproduction.data import DataCheck, checked
from cmcore.provenance.reproduction.packages import package_changes, versions
from cmcore.provenance.reproduction.report import Packages, Report, explained, not_held, report_document
from cmcore.provenance.reproduction.repository import repository_around
from cmcore.provenance.reproduction.selection import needed, published, reused_executions, selection
from cmcore.runtime import run as runs
from cmcore.stack.project import CONFIG, Project
from cmcore.stack.rounds import Place, Recorded, Watch, brief, carried_out_again
from cmcore.storage.verify import VerifyMode


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked of a reproduction; without `packages` it is the recorded ones where they differ from now."""

    run: str
    packages: Packages | None = None
    allow_changed_data: bool = False
    keep: bool = False
    accepted: frozenset[str] = frozenset()


def reproduce(project: Project, asked: Asked, watch: Watch, *, clock: Callable[[], float] = time.time) -> Report:
    """Run a recorded run again and compare; its report is kept beside the reproduction's folder.

    Raises NotFoundError for what is not there any more (run, code, data), ConfigError where packages cannot be had.
    """
    recorded = look_up(project, asked)
    with reproduction_folder(project.home / "reproductions", asked.run, keep=asked.keep) as folder:
        checkout = code_again(project, recorded, folder / "code", watch)
        data = data_again(project, recorded, checkout, asked, watch)
        python = packages_again(recorded, asked, folder / "venv", watch)
        found, again = carried_out_again(project, recorded, checkout, data, Place(folder=folder, python=python), watch)
        there = environment(path=venv.path_of(python)) if python else environment()
        changes = not_held(
            recorded_environment(recorded.facts.get("environment")), there,
            (recorded.facts.get("machine"), machine()), checkout, data, recorded.plan, recorded.selection.again,
        )  # fmt: skip
        readers = readers_of_changed(recorded.plan, data)
        report = Report(
            run=asked.run,
            again=again,
            pipeline=recorded.plan.pipeline,
            at=clock(),
            checkout=checkout,
            packages=Packages.RECORDED if python else Packages.CURRENT,
            nodes=explained(found, changes, readers),
            data=data,
            not_held=changes,
            accepted=asked.accepted,
            folder=str(folder) if asked.keep else "",
        )
        folder.with_suffix(".json").write_bytes(to_json(report_document(report), indent=2, inf_nan_mode="strings"))
    return report


def look_up(project: Project, asked: Asked) -> Recorded:
    """Everything that is recorded of the run; raises NotFoundError, UsageError where nothing of it can run again."""
    row = runs.recorded_run(asked.run, project.ledger)
    plan = Plan.model_validate_json(row.plan)
    earlier = {
        node: found
        for node, name in reused_executions(row.options).items()
        if (found := project.lineage.execution(name)) is not None
    }
    executions = {**earlier, **published(project.lineage.executions(asked.run))}
    selected = selection(plan, executions, reused=earlier)
    if not selected.again:
        reasons = "; ".join(f"{node}: {reason}" for node, reason in {**selected.given, **selected.left_out}.items())
        raise UsageError(f"nothing of run {asked.run!r} can be run again ({reasons})")
    known = {node.name for node in plan.nodes}
    if unknown := sorted(asked.accepted - known):
        raise UsageError(f"run {asked.run!r} has no node {', '.join(unknown)}; it has {', '.join(sorted(known))}")
    facts = json.loads(row.options).get("facts", {})
    return Recorded(run=asked.run, plan=plan, facts=facts, executions=executions, selection=selected)


@contextmanager
def reproduction_folder(home: Path, run: str, *, keep: bool) -> Iterator[Path]:
    """A new folder for one reproduction, deleted at the end unless it is to be kept."""
    home.mkdir(parents=True, exist_ok=True)
    for number in itertools.count(1):
        folder = home / f"{run}-{number}"
        if not folder.with_suffix(".json").exists():
            try:
                folder.mkdir()
                break
            except FileExistsError:
                continue
    try:
        yield folder
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def code_again(project: Project, recorded: Recorded, folder: Path, watch: Watch) -> Checkout:
    """The recorded code in a folder."""
    version = recorded.facts.get("code_version")
    commit, uncommitted = (
        (str(version.get(key) or "") for key in ("commit", "dirty_digest")) if isinstance(version, dict) else ("", "")
    )
    folder.mkdir()
    checkout = checked_out(
        Wanted(
            plan=recorded.plan,
            nodes=recorded.selection.again,
            store=project.home / "code",
            commit=commit,
            uncommitted=uncommitted,
            repository=repository_around(project.folder),
        ),
        folder,
    )
    (checkout.project / CONFIG).unlink(missing_ok=True)  # settings are those of now
    base = f"commit {checkout.commit[:12]}" if checkout.commit else "files kept with the run"
    laid = [name for name in checkout.laid_over if checkout.commit]
    watch.say(f"code: {base}{f', with {len(laid)} kept files laid over: {brief(laid)}' if laid else ''}")
    return checkout


def data_again(
    project: Project, recorded: Recorded, checkout: Checkout, asked: Asked, watch: Watch
) -> tuple[DataCheck, ...]:
    """The checks of all that is to be read from outside the reproduction; raises where it is not what it was."""
    found: list[DataCheck] = []
    for name in needed(recorded.plan, recorded.selection.again, recorded.selection.given):
        for edge in recorded.executions[name].outputs:
            if recorded.plan.node(name).kind is NodeKind.IMPORTER:
                watch.say(f"data: digesting {edge.artifact.uri}")
                place = checkout.project if checkout.commit else None
                found.append(checked(name, edge.artifact, project.payloads.fingerprint, project.folder, place))
            else:
                refuse_damaged(project, edge.artifact)
    wrong = [check for check in found if not check.usable]
    if wrong and not (asked.allow_changed_data and all(check.now.digest for check in wrong)):
        told = "\n  ".join(
            f"{each.then.uri}: {each.then.digest} then, {each.now.digest or 'nothing there'} now" for each in wrong
        )
        hint = "restore it" if not all(each.now.digest for each in wrong) else "restore it, or --allow-changed-data"
        raise NotFoundError(f"data that the run read is not what it was; {hint}:\n  {told}")
    return tuple(found)


def refuse_damaged(project: Project, artifact: ArtifactRecord) -> None:
    """Raise StorageError where an artifact that must be given again is gone or not what it was."""
    verdict = project.payloads.verify(artifact.uri, artifact.digest, VerifyMode.AUTO)
    gone = deletion(artifact)
    if gone or not verdict.ok:
        reason = gone or verdict.reason
        raise StorageError(f"artifact {artifact.name}, which the run read, cannot be given again: {reason}")


def packages_again(recorded: Recorded, asked: Asked, folder: Path, watch: Watch) -> Path | None:
    """The interpreter with the recorded packages; None where those of now are asked for, or are the same."""
    then, now = recorded_environment(recorded.facts.get("environment")), environment()
    if then is None and asked.packages is Packages.RECORDED:
        raise ConfigError(f"run {recorded.run!r} recorded no packages; use --environment current")
    changes = package_changes(then, now) if then else ()
    here = venv.installed()
    replaceable = [each for each in changes if each.what not in here or not venv.is_local(here[each.what])]
    if then is None or asked.packages is Packages.CURRENT or not (replaceable or asked.packages):
        return None
    told = [f"{each.what} {each.then} ({each.now} here)" for each in replaceable]
    watch.say(f"packages: building the recorded environment{f': {brief(told)}' if told else ''}")
    return venv.build(folder, versions(then.packages), here)


def readers_of_changed(plan: Plan, data: Sequence[DataCheck]) -> set[str]:
    """The nodes that read data which has changed since."""
    changed = {each.node for each in data if not each.usable}
    return {node.name for node in plan.nodes if changed & set(node.upstream)}
