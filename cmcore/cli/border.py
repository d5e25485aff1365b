"""The border of `cm`: every error becomes a message and an exit code, never a traceback. Nothing is decided here."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from cmcore.errors import CmError, Problem

USAGE, BUG, INTERRUPTED, BROKEN_PIPE = 64, 70, 130, 141


def guarded(command: click.Group, arguments: Sequence[str]) -> int:
    """Run a command line; the exit code of whatever comes of it."""
    try:
        code = shown_errors(lambda: invoked(command, arguments), debug="--debug" in arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        return hushed()
    except KeyboardInterrupt:
        click.echo("\ninterrupted", err=True)
        return INTERRUPTED
    return code


def invoked(command: click.Group, arguments: Sequence[str]) -> int:
    """Run a command line without click's own ends of the process."""
    try:
        with command.make_context("cm", list(arguments)) as context:
            command.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    return 0


def shown_errors(call: Callable[[], int], *, debug: bool) -> int:
    """What a call returns, or the exit code of its error, which has been shown by then."""
    try:
        return call()
    except click.exceptions.Abort as error:
        raise KeyboardInterrupt from error
    except click.ClickException as error:
        return show_usage(error)
    except (BrokenPipeError, KeyboardInterrupt, SystemExit):
        raise
    except Exception as error:  # noqa: BLE001 # the outermost border: nobody above could say more
        from cmcore.errors import CmError

        if isinstance(error, CmError):
            show(error, debug=debug)
            return error.exit_code
        apologise(error, debug=debug)
        return BUG


def show_usage(error: click.ClickException) -> int:
    """A command line that cannot mean anything: what is wrong, and where to read on; help where nothing was said."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return USAGE
    click.echo(f"{label()} {error.format_message()}", err=True)
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is not None:
        click.echo(f"{context.get_usage()}\nTry: {context.command_path} --help", err=True)
    return USAGE


def show(error: CmError, *, debug: bool) -> None:
    """An error that cmcore raised on purpose."""
    from cmcore.errors import DocumentError

    if debug:
        import traceback

        click.echo("".join(traceback.format_exception(error)), err=True)
    if not isinstance(error, DocumentError):
        click.echo(f"{label()} {error}", err=True)
        return
    for problem in error.problems:
        click.echo(problem_line(problem), err=True)
    count = len(error.problems)
    click.echo(f"{label()} {'1 problem' if count == 1 else f'{count} problems'}", err=True)


def problem_line(problem: Problem) -> str:
    """`file:line:column: message @ path (hint)`."""
    where = ":".join(str(part) for part in (problem.file, problem.line, problem.column) if part)
    path = f" @ {problem.path}" if problem.path not in ("", "$") else ""
    hint = f" ({problem.hint})" if problem.hint else ""
    return f"{where}{': ' if where else ''}{problem.message}{path}{hint}"


def apologise(error: Exception, *, debug: bool) -> None:
    """A defect of cmcore or of a plugin: one line, and the traceback in a file."""
    import traceback

    text = "".join(traceback.format_exception(error))
    if debug:
        click.echo(text, err=True)
    kept = kept_crash(text)
    click.echo(f"{label()} sorry, cm met a defect: {type(error).__name__}: {error}\n{kept}", err=True)


def kept_crash(text: str) -> str:
    """Keep a traceback; where it lies, or the traceback itself if nothing can be written."""
    import time

    file = crash_folder() / time.strftime(f"%Y%m%d-%H%M%S-{os.getpid()}.txt", time.gmtime())
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"cm {' '.join(sys.argv[1:2])}\n\n{text}", encoding="utf-8", errors="backslashreplace")
    except OSError:
        return text
    return f"The details are in {file}; please report them."


def crash_folder() -> Path:
    """Inside the project around us; where there is none, a temporary folder, because `.cm` would make this one."""
    import tempfile

    homes = (folder / ".cm" for folder in (Path.cwd(), *Path.cwd().parents))
    return next((home for home in homes if home.is_dir()), Path(tempfile.gettempdir()) / "cm") / "crashes"


def label() -> str:
    """What every message of an error begins with."""
    return click.style("error:", fg="red", bold=True)


def hushed() -> int:
    """Whoever read us has gone: say nothing more, not even at the interpreter's end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return BROKEN_PIPE
