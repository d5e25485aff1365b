"""Editable installs that `sys.path` does not show: those that a finder of setuptools or a direct_url.json maps.

Editable installs by a `.pth` file need nothing here: their folders are on `sys.path`.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlparse

from cmcore.components.code.distributions import distributions_in
from cmcore.components.code.search import names_in


def mapped_modules(entry: Path) -> Mapping[str, Path]:
    """Modules by name that the setuptools finders (`__editable___NAME_finder.py`) of a folder give a place."""
    finders = [name for name in names_in(entry) if name.startswith("__editable___") and name.endswith("_finder.py")]
    return {module: target for name in sorted(finders) for module, target in _mapping(entry / name).items()}


def _mapping(finder: Path) -> dict[str, Path]:
    for statement in ast.parse(finder.read_bytes()).body:
        match statement:
            case (
                ast.AnnAssign(target=ast.Name(id="MAPPING"), value=ast.Dict() as mapping)
                | ast.Assign(targets=[ast.Name(id="MAPPING")], value=ast.Dict() as mapping)
            ):
                return {str(module): Path(target) for module, target in ast.literal_eval(mapping).items()}
            case _:
                pass
    return {}  # of another builder: its direct_url.json leads to its sources


def source_folders(entry: Path) -> tuple[Path, ...]:
    """Where the sources of a folder's editable installs lie by their direct_url.json: for finders of other builders."""
    folders: list[Path] = []
    for distribution in distributions_in(entry).values():
        try:
            origin = json.loads((distribution.folder / "direct_url.json").read_bytes())
        except (OSError, ValueError):
            continue
        if origin.get("dir_info", {}).get("editable"):
            project = Path(unquote(urlparse(origin["url"]).path))
            folders += [project / "src", project]
    return tuple(folders)
