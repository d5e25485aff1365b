"""Scenario: thousands of malformed documents, each refused soon, with a position, exit code 65 and no traceback."""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

from tests.faults.misfits import CODE, OTHERS, PIPELINE, PROJECT, VALID, graph_misfits
from tests.faults.processes import HERE, ROOT
from tests.faults.tally import OTHER, Tally
from tests.unit.document.malformed import MISFITS, SPOILS

REFUSED, SLOWEST_S = 65, 2.0
SINGLE = 40
BATCH = 500


def malformed_documents(folder: Path, count: int, seed: int) -> Tally:
    """Six tenths broken YAML, one tenth misfits of the models, three tenths that only the graph or the code betrays."""
    tally = Tally(name="malformed documents")
    project = sample_project(folder / "sample")
    files = written(project, count, seed)
    with ThreadPoolExecutor(2) as pool:
        answers = [it for share in pool.map(lambda at: each_alone(project, files[at::2]), range(2)) for it in share]
    for answer in answers:
        judge(tally, answer)
    times_s = [float(str(answer["took_s"])) for answer in answers]
    tally.done["documents"] = len(answers)
    tally.done["ms for the median one"] = round(median(times_s) * 1000)
    tally.done["ms for the slowest"] = round(max(times_s) * 1000)
    if len(answers) != len(files):
        tally.blame(OTHER, f"{len(files)} documents were given, {len(answers)} answered: a process died")
    in_one_process(tally, project, files[:BATCH])
    for file in random.Random(seed).sample(files, min(SINGLE, len(files) // 50)):
        in_a_process_of_its_own(tally, project, file)
    return tally


def sample_project(folder: Path) -> Path:
    """A project in which the valid texts are valid."""
    (folder / "component_specs").mkdir(parents=True)
    for name, text in OTHERS.items():
        (folder / "component_specs" / name).write_text(text, encoding="utf-8")
    (folder / "sample_code.py").write_text(CODE, encoding="utf-8")
    (folder / "data").mkdir()
    (folder / "cm.yaml").write_text("kind: Project\n", encoding="utf-8")
    for name, text in (("valid.yaml", PIPELINE), ("project.yaml", PROJECT)):
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def written(project: Path, count: int, seed: int) -> list[Path]:
    """The documents as files, named after what was done to them."""
    chance = random.Random(seed)
    spoils, misfits = sorted(SPOILS), sorted(MISFITS)
    documents = [(name, SPOILS[name](chance.choice(VALID), chance)) for name in turns(spoils, count * 6 // 10)]
    documents += [(name, MISFITS[name](chance.choice(VALID), chance)) for name in turns(misfits, count // 10)]
    documents += graph_misfits(count - len(documents), seed)
    folder = project / "documents"
    folder.mkdir()
    files = [folder / f"{number:05d}-{name}.yaml" for number, (name, _) in enumerate(documents)]
    for file, (_, content) in zip(files, documents, strict=True):
        file.write_bytes(content)
    return files


def turns(names: Sequence[str], count: int) -> list[str]:
    """The names again and again."""
    return [names[at % len(names)] for at in range(count)]


def each_alone(project: Path, files: Sequence[Path]) -> list[dict[str, object]]:
    """One call of the command per file, in one process."""
    told = "".join(f"{file}\n" for file in files)
    command = [sys.executable, str(HERE / "validator.py")]
    finished = subprocess.run(
        command, input=told, capture_output=True, text=True, check=False, cwd=project, env=environment()
    )
    return [json.loads(line) for line in finished.stdout.splitlines()]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def judge(tally: Tally, answer: dict[str, object]) -> None:
    """What an answer must be."""
    file = Path(str(answer["file"])).name
    problems = answer.get("problems")
    assert isinstance(problems, list | None)
    if answer["code"] != REFUSED:
        tally.blame(OTHER, f"{file}: exit code {answer['code']}: {answer['said']}")
    elif not problems or not all(line and column and message for line, column, message in problems):
        tally.blame(OTHER, f"{file}: a problem without a position: {problems}")
    if "Traceback" in str(answer["said"]):
        tally.blame(OTHER, f"{file}: a traceback: {answer['said']}")
    if float(str(answer["took_s"])) > SLOWEST_S:
        tally.blame(OTHER, f"{file}: took {answer['took_s']:.1f} s")


def in_one_process(tally: Tally, project: Path, files: Sequence[Path]) -> None:
    """Many files in one command: every one of them is named."""
    finished = validate(project, "--json", *map(str, files))
    named = {problem["file"] for problem in json.loads(finished.stdout)}
    tally.done["documents in one command"] = len(files)
    for file in files:
        if str(file) not in named:
            tally.blame(OTHER, f"{file.name}: not named among {len(files)} files")
    if finished.returncode != REFUSED or "Traceback" in finished.stderr:
        tally.blame(OTHER, f"{len(files)} files: exit code {finished.returncode}: {finished.stderr[-500:]}")


def in_a_process_of_its_own(tally: Tally, project: Path, file: Path) -> None:
    """The command as a user types it."""
    before = cpu_of_children_s()
    finished = validate(project, str(file))
    took_s = cpu_of_children_s() - before
    tally.done["processes of their own"] += 1
    first = finished.stdout.partition("\n")[0]
    if finished.returncode != REFUSED or "Traceback" in finished.stderr + finished.stdout or file.name not in first:
        tally.blame(OTHER, f"{file.name}: exit code {finished.returncode}: {first} {finished.stderr[-300:]}")
    if took_s > SLOWEST_S:
        tally.blame(OTHER, f"{file.name}: the command took {took_s:.1f} s")


def cpu_of_children_s() -> float:
    """CPU time of processes that have ended: on a busy machine, the clock on the wall measures the others."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def validate(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`cm validate` in a process."""
    return subprocess.run(
        [sys.executable, "-m", "cmcore.cli.main", "validate", *words],
        capture_output=True, text=True, check=False, cwd=project, env=environment(), timeout=300,
    )  # fmt: skip
