"""One driver process, as the harness starts, kills and starts it again; says how it ended as a line of JSON.

driver.py run FOLDER SALT [COUNT] [WORKLOAD]   start runs, one after the other; 0: until there is a file `stop`
driver.py resume FOLDER RUN                    go on with one
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import count as endless
from itertools import takewhile
from pathlib import Path

from cmcore.errors import CmError
from cmcore.pipelines.load import load_pipeline
from cmcore.runtime.run import RunResult
from cmcore.stack import Project


def said(project: Project, result: RunResult) -> str:
    """How a run ended, and how often the store's process had to be started again."""
    return json.dumps(
        {
            "run": result.run,
            "state": result.state,
            "nodes": {name: node.state for name, node in result.nodes.items()},
            "reasons": sorted({node.reason for node in result.nodes.values() if node.reason and node.failure}),
            "restarts": getattr(project.lineage, "restarts", 0),
        }
    )


def counted(count: int, stop: Path) -> Iterator[int]:
    """So many numbers; for 0 all, until the file is there."""
    return iter(range(count)) if count else takewhile(lambda _: not stop.exists(), endless())


def main(words: list[str]) -> int:
    """The exit code is that of `cm`; 1 where a run did not succeed."""
    verb, folder, word, *more = words
    failed = False
    try:
        with Project(folder) as project:
            if verb == "resume":
                results = iter([project.resume(word)])
            else:
                count, workload = int(more[0]) if more else 1, more[1] if len(more) > 1 else "six"
                found = load_pipeline(str(Path(folder) / f"{workload}.py"), project.roots())
                salts = (f"{word}-{number}" for number in counted(count, Path(folder) / "stop"))
                results = (project.run(found.pipeline, {"salt": salt}, source=found.source) for salt in salts)
            for result in results:
                print(said(project, result), flush=True)
                failed = failed or result.state != "SUCCEEDED"
    except CmError as error:
        print(json.dumps({"error": type(error).__name__, "message": str(error)}), flush=True)
        return error.exit_code
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
