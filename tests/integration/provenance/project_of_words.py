"""A small project in a repository of its own: ways to run it, edit it, reproduce its runs, and read the reports."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parent / "project"
CM = (str(Path(sys.executable).with_name("cm")),)
AUTHOR = {
    "GIT_AUTHOR_NAME": "ada", "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "ada", "GIT_COMMITTER_EMAIL": "ada@example.org",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Loud:
    """The project of `project/`; `cm` is the command, so that a test may bring another interpreter's."""

    folder: Path
    cm: tuple[str, ...] = CM
    environment: Mapping[str, str] = field(default_factory=dict)

    def say(self, words: str) -> None:
        """Change the data."""
        (self.folder / "data").mkdir(exist_ok=True)
        (self.folder / "data" / "words.txt").write_text(words, encoding="utf-8")

    def speak(self, method: str) -> None:
        """Change the code: which method of a text `loud` calls."""
        wording = self.folder / "wording.py"
        text = wording.read_text(encoding="utf-8")
        before = text.partition("return text.")[2].partition("(")[0]
        wording.write_text(text.replace(f"text.{before}(", f"text.{method}("), encoding="utf-8")

    def call(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """A command of `cm` that ends with this code."""
        done = subprocess.run(
            [*self.cm, *words], cwd=self.folder, env={**os.environ, **self.environment}, capture_output=True, text=True,
            check=False, timeout=300,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def run(self) -> str:
        """Run the pipeline; the run's name."""
        board = self.folder / "board.txt"
        done = self.call("run", "loud.yaml", "--set", f"board={board}", "--json")
        return str(json.loads(done.stdout.splitlines()[-1])["run"])

    def reproduced(self, run: str, *words: str, code: int = 0) -> dict[str, Any]:
        """The report of a reproduction."""
        done = self.call("reproduce", run, "--json", *words, code=code)
        report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return report

    def git(self, *words: str) -> str:
        """A command of git."""
        done = subprocess.run(
            ["git", *words], cwd=self.folder, env={**os.environ, **AUTHOR}, check=True, capture_output=True, text=True
        )
        return done.stdout


def copied(folder: Path) -> Loud:
    """The project in a new folder."""
    shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return Loud(folder=folder)


def committed(project: Loud, ignored: str = "data/\nboard.txt\n__pycache__/\n") -> Loud:
    """The project in a repository with one commit."""
    (project.folder / ".gitignore").write_text(ignored, encoding="utf-8")
    project.git("init", "--quiet")
    project.git("add", "--all")
    project.git("commit", "--quiet", "--message", "first")
    return project


def verdicts(report: Mapping[str, Any]) -> dict[str, str]:
    """The verdict of each node."""
    return {name: str(node["verdict"]) for name, node in nodes(report).items()}


def nodes(report: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The nodes of a report by name."""
    found = report["nodes"]
    assert isinstance(found, list)
    return {str(node["node"]): node for node in found if isinstance(node, dict)}


def changed(report: Mapping[str, Any]) -> list[str]:
    """What could not be held fixed; the processor, of which not every record tells, left aside."""
    found = report["not_held"]
    assert isinstance(found, list)
    return [str(change["what"]) for change in found if isinstance(change, dict) and change["what"] != "cpu"]
