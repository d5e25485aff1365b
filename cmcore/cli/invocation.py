"""Invocation: what the options in front of a command say, and the project that they mean. Opens nothing by itself."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cmcore.stack import Project

COMMAND = re.compile(r"(?:^|(?<=: )|(?<=\())cm ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """The options of `cm` itself; `folder` is empty where the project is to be found."""

    folder: Path | None = None
    strict_plugins: bool = False
    debug: bool = False

    def respoken(self, text: str) -> str:
        """A text in which every command is one for the same project: with `--project`, if that was given."""
        if self.folder is None:
            return text
        return COMMAND.sub(f"cm --project {shlex.quote(str(self.folder))} ".replace("\\", r"\\"), text)

    @contextmanager
    def project(self, sets: Mapping[str, str] | None = None) -> Iterator[Project]:
        """The project that is meant, its backends given back at the end; `sets` are settings from the command line."""
        from cmcore.stack import Project

        layer = {**(sets or {}), **({"stack.plugins.strict": "true"} if self.strict_plugins else {})}
        if self.folder is not None:
            project = Project(self.folder, environment=os.environ, sets=layer)
        else:
            project = Project.around(Path.cwd(), environment=os.environ, sets=layer)
        with project:
            yield project

    @contextmanager
    def changing(self) -> Iterator[Project]:
        """The project that is meant, for a command that changes what plugins and trackers should hear of."""
        from cmcore.stack.carrying import announced

        with self.project() as project, announced(project):
            yield project
