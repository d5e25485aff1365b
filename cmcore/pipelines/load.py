"""Finding the pipeline that a path or an import path names: a YAML document, or a Python module that makes one."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from cmcore.document.model import load
from cmcore.document.text import read
from cmcore.errors import NotFoundError, Problem, UsageError
from cmcore.pipelines.document import Pipeline
from cmcore.pipelines.graph import Locate, nowhere
from cmcore.pipelines.mistake import told

NAME_MAX_BYTES = 255  # of one part of a path, on every file system that matters


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedPipeline:
    """A pipeline, the file it came from, and how to point into it."""

    pipeline: Pipeline
    source: Path | None
    locate: Locate = nowhere


def load_pipeline(target: str, roots: Sequence[Path]) -> LoadedPipeline:
    """The pipeline that `file.yaml`, `file.py`, `file.py:name` or `package.module:name` names.

    Raises DocumentError with every problem of a document, NotFoundError or UsageError for anything else.
    """
    text, _, name = target.partition(":")
    path = Path(text)
    if any(len(part.encode("utf-8", "surrogatepass")) > NAME_MAX_BYTES for part in path.parts):
        raise NotFoundError(f"there is no pipeline {text[:80]!r}...: no file has a name that long")
    if path.suffix in (".yaml", ".yml"):
        return yaml_pipeline(existing(path))
    if path.suffix == ".py":
        file = existing(path).absolute()
        return LoadedPipeline(pipeline=pipeline_in(imported_file(file, roots), name, target), source=file)
    if path.is_dir():
        there = path / "pipeline.py"
        example = there if there.is_file() else path / "FILE.py"
        raise UsageError(f"{target} is a folder; name the pipeline in it: {example}")
    import_from(roots)
    module = imported(text)
    source = Path(module.__file__).absolute() if module.__file__ else None
    return LoadedPipeline(pipeline=pipeline_in(module, name, target), source=source)


def yaml_pipeline(path: Path) -> LoadedPipeline:
    """A pipeline document."""
    document = read(path)

    def locate(where: Sequence[str | int], message: str, hint: str = "") -> Problem:
        return document.problem(where, message, hint)

    return LoadedPipeline(pipeline=load(document, Pipeline), source=path.absolute(), locate=locate)


def existing(path: Path) -> Path:
    """The path, if a file is there; raises NotFoundError naming the files of that kind that are."""
    if path.is_file():
        return path
    folder = path.parent
    beside = sorted(other.name for other in folder.glob(f"*{path.suffix}"))[:10] if folder.is_dir() else []
    raise NotFoundError(f"no file {str(path)!r}; in {str(folder)!r} there is {', '.join(beside) or 'nothing like it'}")


def imported_file(file: Path, roots: Sequence[Path]) -> ModuleType:
    """The module of a Python file, under the name that imports it again from one of the roots or its own folder."""
    import_from([*roots, file.parent])
    base = next((root for root in roots if file.is_relative_to(root)), file.parent)
    name = ".".join(file.relative_to(base).with_suffix("").parts)
    if not all(part.isidentifier() for part in name.split(".")):
        name = file.stem
    try:
        module = importlib.import_module(name)  # as workers will, who must find the same functions under this name
    except Exception as error:  # the file is the user's: whatever it raises is told at its line
        raise told(error, file) from error
    found = Path(module.__file__ or "")
    if found.resolve() != file.resolve():
        raise UsageError(f"{file} is imported as {name!r}, but {name!r} is {found} here; give the file another name")
    return module


def imported(name: str) -> ModuleType:
    """The module of an import path; raises NotFoundError where there is none, and what `told` makes of its mistakes."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or f"{name}.".startswith(f"{error.name}."):
            message = f"no file and no module {name!r} ({error}); give a .yaml or .py file, or module:name"
            raise NotFoundError(message) from error
        raise told(error, None) from error
    except Exception as error:  # likewise the user's own code
        raise told(error, None) from error


def import_from(roots: Sequence[Path]) -> None:
    """Let imports look in these folders first."""
    for root in reversed([str(root.absolute()) for root in roots]):
        if root not in sys.path:
            sys.path.insert(0, root)


def pipeline_in(module: ModuleType, name: str, target: str) -> Pipeline:
    """The pipeline of that name in a module, or the only one there is; raises UsageError."""
    found = {key: value for key, value in vars(module).items() if isinstance(value, Pipeline)}
    if name in found:
        return found[name]
    if name:
        raise UsageError(f"{target}: no pipeline {name!r}; pipelines there: {', '.join(found) or 'none'}")
    if len(found) == 1:
        return next(iter(found.values()))
    if not found:
        raise UsageError(f"{target} makes no pipeline; put @pipeline above the function that calls its components")
    raise UsageError(
        f"{target} makes {len(found)} pipelines; name one: {', '.join(f'{target}:{key}' for key in found)}"
    )
