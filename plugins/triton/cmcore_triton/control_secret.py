"""What a local server asks for before it is controlled: loading a model is to run any code, and every web page that
this machine's browser shows reaches its ports. Other users of the machine see it in the server's command line."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from cmcore.errors import ServingError

KEY = "cmcore-control"
METADATA_KEY = f"triton-grpc-protocol-{KEY}"  # Triton puts this before the keys of its gRPC twin
RESTRICTED = "model-repository,shared-memory,trace,logging"  # loads and index, foreign memory, files it writes
HIDDEN = "***"


def restrictions(secret: str) -> tuple[str, ...]:
    """The arguments of tritonserver."""
    return (
        f"--http-restricted-api={RESTRICTED}:{KEY}={secret}",
        f"--grpc-restricted-protocol={RESTRICTED}:{KEY}={secret}",
    )


def secret_of(path: Path) -> str:
    """The secret in a file that only its owner reads, made where there is none; raises ServingError."""
    try:
        return kept(path) or made(path)
    except OSError as error:
        raise ServingError(f"the secret {path}, by which Triton is controlled, cannot be had: {error}") from error


def kept(path: Path) -> str:
    """What the file says; empty where there is none."""
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        return ""


def made(path: Path) -> str:
    """A new secret, or that of another process which was faster."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(secrets.token_hex(32).encode())
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(aside, path)
        return kept(path)
    finally:
        aside.unlink(missing_ok=True)
