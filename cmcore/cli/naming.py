"""What a word on the command line names: a run by the beginning of its name, an artifact by any of its names."""

from __future__ import annotations

import click

from cmcore.document.wording import did_you_mean
from cmcore.errors import NotFoundError, UsageError
from cmcore.lineage.record import ArtifactRecord
from cmcore.lineage.store import LineageStore
from cmcore.state.runs import RunRow, Runs

RUNS_SEARCHED = 1000
RUNS_PROPOSED = 5
DIGEST_LENGTH_MIN = 6
LATEST = "latest"
DATA = "data:"


def run_named(name: str, runs: Runs) -> RunRow:
    """The run of that name, the only one whose name begins so, or the `latest`; raises NotFoundError, UsageError."""
    exact = next(iter(runs.list(limit=1)), None) if name == LATEST else runs.get(name)
    if exact is not None:
        return exact
    known = runs.list(limit=RUNS_SEARCHED)
    found = [row for row in known if row.run.startswith(name)]
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(row.run for row in found[:5])
        raise UsageError(f"{len(found)} runs begin with {name!r}: {listed}; write more of the name")
    hint = did_you_mean(name, [row.run for row in known])
    newest = ", ".join(row.run for row in known[:RUNS_PROPOSED])
    there = f"; the newest are {newest}; cm runs lists them" if newest else "; there are no runs yet"
    raise NotFoundError(f"no run {name!r} in this project{hint}{there}")


def run_meant(name: str, runs: Runs) -> RunRow:
    """The run of that name, or the newest where no name was given, which is then said; raises NotFoundError."""
    if name:
        return run_named(name, runs)
    for row in runs.list(limit=1):
        click.echo(f"the newest run: {row.run}", err=True)
        return row
    raise NotFoundError("there are no runs yet in this project; start one: cm run PIPELINE")


def artifact_named(text: str, lineage: LineageStore) -> ArtifactRecord:
    """The artifact of that name, URI, digest (its beginning) or place RUN/NODE/OUTPUT, the deployment of that name, or
    the version of data that `data:NAME@3` means; raises NotFoundError."""
    if text.startswith(DATA):
        return data_version_named(text.removeprefix(DATA), lineage)
    found = lineage.artifact(text) or next(iter(lineage.artifacts_by_uri(text)), None) or output_named(text, lineage)
    if found is None and "/" not in text:
        found = lineage.artifact(deployed_artifact(text))
    if found is None and (digits := text.removeprefix("sha256:")) and len(digits) >= DIGEST_LENGTH_MIN:
        found = artifact_by_digest(digits, lineage)
    if found is None:
        raise NotFoundError(
            f"no artifact {text!r} in this project; give RUN/NODE/OUTPUT, a name, a URI, or at least "
            f"{DIGEST_LENGTH_MIN} digits of a digest (cm show RUN lists them)"
        )
    return found


def deployed_artifact(name: str) -> str:
    """The name of the artifact that a deployment is in the lineage."""
    from cmcore.serving.publisher import deployment_address

    return f"{deployment_address(name)}/deployment/0"


def data_version_named(text: str, lineage: LineageStore) -> ArtifactRecord:
    """The artifact of a version of data; raises NotFoundError, UsageError."""
    from cmcore.datasets.names import Reference
    from cmcore.datasets.recording import recorded

    found = recorded(lineage, Reference.parse(text))
    if found is None:
        raise NotFoundError(f"the lineage has no version of data {text!r}; cm data list shows those that there are")
    return found


def output_named(text: str, lineage: LineageStore) -> ArtifactRecord | None:
    """The artifact that RUN/NODE/OUTPUT or RUN/NODE/OUTPUT/INDEX published, its last attempt first."""
    run, _, rest = text.partition("/")
    node, _, output = rest.partition("/")
    key, _, index = output.partition("/")
    if not key:
        return None
    for execution in reversed(lineage.executions(run)):
        if execution.node == node:
            for edge in execution.outputs:
                if edge.key == key and str(edge.index) == (index or "0"):
                    return edge.artifact
    return None


def artifact_by_digest(digits: str, lineage: LineageStore) -> ArtifactRecord | None:
    """The newest artifact whose digest begins so, among those of recent runs; stores cannot be asked for it."""
    for run in lineage.runs(limit=RUNS_SEARCHED):
        for execution in lineage.executions(run.run):
            for edge in execution.outputs:
                if edge.artifact.digest.removeprefix("sha256:").startswith(digits):
                    return edge.artifact
    return None
