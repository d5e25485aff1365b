"""LazyGroup: commands by name, imported when called, so that help costs no import. No command is known here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import ClassVar

import click


@dataclass(frozen=True, slots=True)
class Entry:
    """One command: where it is (`module:attribute`) and what it does, in one line."""

    place: str
    summary: str

    def loaded(self) -> click.Command:
        """The command itself."""
        module, _, attribute = self.place.partition(":")
        command = vars(import_module(module))[attribute]
        assert isinstance(command, click.Command)
        return command


class LazyGroup(click.Group):
    """A group whose `sections` name its commands under headings; its help reads only these lines."""

    sections: ClassVar[Mapping[str, Mapping[str, Entry]]] = {}

    @property
    def entries(self) -> dict[str, Entry]:
        """All commands by name, in the order of the sections."""
        return {name: entry for section in self.sections.values() for name, entry in section.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        entry = self.entries.get(cmd_name)
        return entry.loaded() if entry else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        width = max(map(len, self.entries))
        for heading, section in self.sections.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), entry.summary) for name, entry in section.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.entries and not args[0].startswith("-"):
            raise click.UsageError(f"no command {args[0]!r}{suggestion(args[0], list(self.entries))}", ctx)
        return super().resolve_command(ctx, args)


def suggestion(word: str, known: list[str]) -> str:
    """`; did you mean 'x'?` or nothing."""
    from difflib import get_close_matches

    close = get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
