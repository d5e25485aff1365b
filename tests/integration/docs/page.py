"""Following a page as its reader would: files are written, edits made, commands typed, in the order of the text."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.integration.docs.blocks import Block, Command, blocks, commands, edited
from tests.integration.docs.comparison import matched, runs_in, with_names

READER_HOME = "/home/ada"
SHOWN_ONLY = frozenset({"text", "mermaid", "json"})
NOT_THE_READERS = ("CM_", "PYTEST_", "COV_", "PYTHONDONTWRITEBYTECODE")
TIMEOUT_S = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One command that did not do what the page says."""

    block: Block
    command: Command
    printed: str
    exit_code: int

    def __str__(self) -> str:
        return (
            f"line {self.block.line + 1 + self.command.at}: $ {self.command.text}\n"
            f"--- the page says (exit code {self.block.exit_code})\n" + "\n".join(self.command.stated) + "\n"
            f"--- it printed (exit code {self.exit_code})\n{self.printed}"
        )


class Reader:
    """Somebody at a terminal, with one page; `home` is where the folders of this page are made."""

    def __init__(self, home: Path, folder: str) -> None:
        self.home = home
        self.names: dict[str, str] = {}
        self.seen: list[str] = []
        self.folder = self._enter(folder)

    def follow(self, page: str) -> Iterator[Difference]:
        """Do what the page says; what turns out otherwise. Raises ValueError for a block that says too little."""
        for block in blocks(page):
            if block.folder:
                self.folder = self._enter(block.folder)
            if not block.skip:
                yield from self._do(block)

    def _do(self, block: Block) -> Iterator[Difference]:
        match block.language:
            case "console":
                yield from self._type(block)
            case "diff" if block.title:
                file = self.folder / block.title
                file.write_text(edited(file.read_text(encoding="utf-8"), block), encoding="utf-8")
            case _ if block.title:
                file = self.folder / block.title
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(block.text, encoding="utf-8")
            case language if language not in SHOWN_ONLY:
                raise ValueError(f"the block at line {block.line} has neither a title nor a reason not to be run")

    def _type(self, block: Block) -> Iterator[Difference]:
        typed = list(commands(block))
        for command in typed:
            expected, line = (block.exit_code, block.stdin) if command is typed[-1] else (0, "")
            code, printed = self._run(with_names(command.text, self.names, self.seen), line)
            names = matched("\n".join(command.stated), printed) if command.stated else {}
            if code != expected or names is None:
                yield Difference(block=block, command=command, printed=printed, exit_code=code)
            self.names |= names or {}
            self.seen += runs_in(printed)

    def _run(self, text: str, line: str) -> tuple[int, str]:
        finished = subprocess.run(  # the documentation's own commands
            ["bash", "-c", text], cwd=self.folder, env=self._environment(), stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, input=f"{line}\n", timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
        code = finished.returncode if finished.returncode >= 0 else 128 - finished.returncode  # as a shell says it
        return code, finished.stdout.replace(str(self.home), READER_HOME)

    def _environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(NOT_THE_READERS)}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        ours = {"PATH": path, "PYTHONPATH": str(self.home / "site"), "TMPDIR": str(self.home)}
        return kept | ours | {"LOGNAME": "ada", "COLUMNS": "100", "NO_COLOR": "1", "TZ": "UTC"}

    def _enter(self, folder: str) -> Path:
        path = self.home / folder
        path.mkdir(parents=True)
        return path
