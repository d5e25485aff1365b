"""What a local server is made of: the program, its libraries, its backends, and the Python that models are run with.

The wheel nvidia-pytriton brings the program, but its Python backend has no stub beside it and its folder is not ours
to write in: a copy with the right stub is made in the backend's own folder.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from cmcore.errors import ServingError
from cmcore_triton.options import TritonOptions

STUB = "triton_python_backend_stub"
ASK = """
import json, sys, sysconfig
print(json.dumps([f"{sys.version_info[0]}.{sys.version_info[1]}", sysconfig.get_config_var("LIBDIR") or ""]))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """A Python: its program, its version as in 3.11, and the folder of its shared library."""

    path: Path
    version: str
    library_folder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """A Triton on this machine. `stubs` has the Python backend's stub by version where it is not in `backends`."""

    program: Path
    backends: Path
    libraries: Path | None = None
    caches: Path | None = None
    stubs: Path | None = None

    @property
    def has_stub(self) -> bool:
        """Whether the Python backend can be used where it is."""
        return (self.backends / "python" / STUB).is_file()


def wheel() -> Path | None:
    """The folder of the wheel nvidia-pytriton; None where it is not installed. Imports nothing of it."""
    spec = find_spec("pytriton")
    return Path(spec.origin).parent if spec is not None and spec.origin else None


def installation(options: TritonOptions) -> Installation:
    """The Triton that the options mean; raises ServingError where there is none."""
    found = options.server or shutil.which("tritonserver") or ""
    package = wheel()
    if not found and package is None:
        raise ServingError(
            "no tritonserver is on PATH and the wheel nvidia-pytriton is not installed. "
            "Try: pip install 'cmcore-triton[server]', or give server: PATH or url: ADDRESS in the stack's options"
        )
    bundled = None if package is None else package / "tritonserver"
    program = Path(found) if found else Path(str(bundled)) / "bin" / "tritonserver"
    if not os.access(program, os.X_OK):
        raise ServingError(f"{program} is no program; give the path of tritonserver as server:")
    root = program.resolve().parent.parent
    ours = bundled is not None and root == bundled.resolve()
    backends = Path(options.backend_directory) if options.backend_directory else root / "backends"
    if not (backends / "python").is_dir():
        raise ServingError(f"{backends} has no Python backend; give the server's backends as backend_directory:")
    return Installation(
        program=program,
        backends=backends,
        libraries=package.parent / "nvidia_pytriton.libs" if ours and package else None,
        caches=root / "caches" if (root / "caches").is_dir() else None,
        stubs=root / "python_backend_stubs" if (root / "python_backend_stubs").is_dir() else None,
    )


def interpreter(path: str) -> Interpreter:
    """The Python at a path, this one where it is empty; raises ServingError."""
    program = path or sys.executable
    try:
        told = subprocess.run([program, "-I", "-c", ASK], capture_output=True, text=True, timeout=30, check=True)  # noqa: S603 # the options name it
        version, folder = json.loads(told.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise ServingError(f"{program} is no Python that models can be run with: {error}") from error
    return Interpreter(path=Path(program), version=version, library_folder=folder)


def usable_backends(found: Installation, python: Interpreter, folder: Path) -> Path:
    """The backends with a stub for that Python: as they are, or copied into the folder; raises ServingError."""
    if found.has_stub:
        return found.backends
    stub = None if found.stubs is None else found.stubs / python.version / STUB
    if stub is None or not stub.is_file():
        offered = [] if found.stubs is None else sorted(each.name for each in found.stubs.iterdir())
        raise ServingError(
            f"this Triton cannot run models with Python {python.version} ({python.path}); it can with "
            f"{', '.join(offered) or 'none'}. Give another python: in the stack's options"
        )
    for backend in found.backends.iterdir():
        if backend.name != "python" and not (folder / backend.name).exists():
            (folder / backend.name).symlink_to(backend.resolve())
    files = [file for file in (found.backends / "python").iterdir() if file.is_file()]
    for file in [*files, stub]:
        copy_changed(file, folder / "python" / file.name)
    return folder


def copy_changed(file: Path, target: Path) -> None:
    """Copy a file, executable, unless it is there already: a process may be using it."""
    if target.is_file() and target.stat().st_size == file.stat().st_size and target.read_bytes() == file.read_bytes():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.copyfile(file, aside)
    aside.chmod(0o755)
    aside.replace(target)


def environment(found: Installation, python: Interpreter, outer: Mapping[str, str]) -> dict[str, str]:
    """What the server and its stubs see: its own libraries, and the Python's programs first, so that its packages are
    found. Modules are compiled once and kept, whatever the outer environment says."""
    dropped = ("PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV")
    libraries = [str(found.libraries or ""), outer.get("LD_LIBRARY_PATH", ""), python.library_folder]
    return {
        **{name: value for name, value in outer.items() if name not in dropped},
        "LD_LIBRARY_PATH": ":".join(part for part in libraries if part),
        "PATH": f"{python.path.absolute().parent}:{outer.get('PATH', os.defpath)}",
    }


def require_libraries(program: Path, variables: Mapping[str, str]) -> None:
    """Raise ServingError where the system lacks a library, or a version of one, that the program needs."""
    linker = shutil.which("ldd")
    if linker is None:
        return
    told = subprocess.run(  # noqa: S603 # a program that we found
        [linker, str(program)], capture_output=True, text=True, timeout=30, check=False, env=dict(variables)
    )
    missing = [line.strip() for line in (told.stdout + told.stderr).splitlines() if "not found" in line]
    if missing:
        raise ServingError(
            f"{program} cannot run here ({platform.platform()}, {' '.join(platform.libc_ver())}): "
            f"{'; '.join(missing[:4])}. The wheel needs glibc 2.35 and, for models, Python's shared library "
            "(Debian: libpython3.X)"
        )
