"""A process that runs `cm validate --json` for each file that it is told, through the command's own entry point.

A file name in by line, a line of JSON out: exit code, seconds of CPU time, the positions of the problems, tracebacks.
"""

from __future__ import annotations

import io
import json
import sys
import time
import traceback
from contextlib import redirect_stderr, redirect_stdout

from cmcore.cli.main import run


def answer(file: str) -> dict[str, object]:
    """What one call of the command came to."""
    out, err, began = io.StringIO(), io.StringIO(), time.process_time()
    try:
        with redirect_stdout(out), redirect_stderr(err):
            code = run(["validate", "--json", file])
    except BaseException:
        return {"file": file, "code": -1, "took_s": time.process_time() - began, "said": traceback.format_exc()}
    took_s = time.process_time() - began
    try:
        problems = [(it["line"], it["column"], it["message"]) for it in json.loads(out.getvalue())]
    except ValueError:
        problems = []
    return {"file": file, "code": code, "took_s": took_s, "problems": problems, "said": err.getvalue()[-2000:]}


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(answer(line.rstrip("\n"))), flush=True)
