"""`python -m benchmarks`, which `make bench` calls: measure, print the table, write it where asked.

A budget that is not kept is said in the table, and is no error: disks differ.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.budgets import rows
from benchmarks.process import REPOSITORY
from benchmarks.report import document, machine_line, page, table
from benchmarks.suite import QUICK, Rounds, measure

PAGE = REPOSITORY / "docs" / "reference" / "benchmarks.md"


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure cmcore beside its budgets.")
    parser.add_argument("--quick", action="store_true", help="few repetitions: a minute instead of several")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every single measurement")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(REPOSITORY)}")
    return parser.parse_args()


def say(what: str) -> None:
    """Progress."""
    sys.stderr.write(f"{what}\n")


def main() -> None:
    """The whole of `make bench`."""
    asked = arguments()
    found = measure(QUICK if asked.quick else Rounds(), say)
    judged = rows(found)
    sys.stdout.write(f"{machine_line(found)}\n\n{table(judged)}\n")
    if asked.json:
        asked.json.parent.mkdir(parents=True, exist_ok=True)
        asked.json.write_text(document(found, judged), encoding="utf-8")
    if asked.write:
        PAGE.write_text(page(found, judged), encoding="utf-8")


if __name__ == "__main__":
    main()
