"""A virtual environment with recorded packages: what is installed here in that version is linked, the rest installed.

Packages that no index has (cmcore, plugins in development) come from this interpreter's installation as they are.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from cmcore.components.code.distributions import Distribution, distributions_in
from cmcore.errors import ConfigError

OWN = "cmcore"
PATIENCE_S = 3600.0
SHOWN = 2000


def installed(path: Sequence[str] | None = None) -> dict[str, Distribution]:
    """The distributions of this interpreter by name; of those installed twice, the first on the path."""
    found: dict[str, Distribution] = {}
    for entry in dict.fromkeys(sys.path if path is None else path):
        found = distributions_in(Path(entry)) | found
    return found


def is_local(distribution: Distribution) -> bool:
    """Whether a distribution came from a folder or a file of this machine, or is cmcore itself."""
    if distribution.name == OWN or distribution.name.startswith(f"{OWN}-"):
        return True
    try:
        origin = json.loads((distribution.folder / "direct_url.json").read_bytes())
    except (OSError, ValueError):
        return False
    return str(origin.get("url", "")).startswith("file:")


def build(folder: Path, wanted: Mapping[str, str], here: Mapping[str, Distribution]) -> Path:
    """Make an environment with these versions by name; its interpreter. Raises ConfigError where that cannot be."""
    venv.EnvBuilder(symlinks=True, with_pip=False).create(folder)
    python = folder / "bin" / "python"
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    linked = {name for name, it in here.items() if name in wanted and (it.version == wanted[name] or is_local(it))}
    for name in sorted(linked):
        if not link(here[name], site):
            linked.discard(name)
    if to_install := [f"{name}=={version}" for name, version in sorted(wanted.items()) if name not in linked]:
        install(python, to_install)
    return python


def link(distribution: Distribution, site: Path) -> bool:
    """Put a distribution's files into another site folder, by its own list of them; False where it has none."""
    names = list(files_of(distribution))
    for name in names:
        source, target = distribution.folder.parent / name, site / name
        if source.is_file() and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(source, target)
            except OSError:  # another file system
                shutil.copy2(source, target)
    return bool(names)


def files_of(distribution: Distribution) -> Iterator[str]:
    """The files that a distribution installed in its site folder, bytecode left aside."""
    try:
        lines = distribution.record.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        name = line.rsplit(",", 2)[0].strip('"')
        if name and not name.endswith(".pyc") and not {"..", "/"} & set(PurePosixPath(name).parts):
            yield name


def install(python: Path, requirements: Collection[str]) -> None:
    """Install exact versions without their dependencies, by uv where there is one, else by pip."""
    done = subprocess.run(  # noqa: S603 # names and versions of recorded packages
        [*installer(python), "--no-deps", *requirements], capture_output=True, text=True, check=False,
        timeout=PATIENCE_S, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode:
        raise ConfigError(
            f"the recorded packages {', '.join(requirements)} could not be installed: {done.stderr.strip()[-SHOWN:]}\n"
            f"Go on with what is installed here, differences named: --environment current"
        )


def installer(python: Path) -> list[str]:
    """The command that installs into the environment of an interpreter."""
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.is_file() else shutil.which("uv")
    if uv is not None:
        return [uv, "pip", "install", "--quiet", "--python", str(python)]
    return [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]


def path_of(python: Path) -> list[str]:
    """The `sys.path` with which an interpreter starts."""
    code = "import json, sys; print(json.dumps(sys.path))"
    done = subprocess.run([str(python), "-P", "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 # fixed words
    found: list[str] = json.loads(done.stdout)
    return found
