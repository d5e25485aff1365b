"""What a YAML parser's complaint means to the person who wrote the text.

libyaml and PyYAML's own parser word the same fault differently; both are known here.
"""

from __future__ import annotations

from dataclasses import dataclass

import yaml

from cmcore.document.place import Finding, Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fault:
    """A part of the parser's words, and ours for the same."""

    words: str
    message: str
    hint: str = ""
    at_opening: bool = False  # where the thing began says more than where the parser gave up


_INDENTATION = "check the indentation, and that every key ends with ': '; quote texts that contain quotes or ': '"
_QUOTE = "quote the text"
_BACKSLASH = "double the backslash, or use single quotes"
_FAULTS = (
    _Fault(words="found unexpected end of stream", message="a quoted text is not closed", at_opening=True),
    _Fault(words="found unexpected document", message="a quoted text is not closed", at_opening=True),
    _Fault(words="'\\t' that cannot start any token", message="a tab indents this line", hint="indent with spaces"),
    _Fault(words="found a tab character", message="a tab indents this line", hint="indent with spaces"),
    _Fault(words="cannot start any token", message="an unquoted text cannot begin with this", hint=_QUOTE),
    _Fault(
        words="mapping values are not allowed",
        message="a ':' is not expected here",
        hint="quote the text if the ':' belongs to it, or check the indentation",
    ),
    _Fault(
        words="could not find expected ':'",
        message="a ':' is missing after this key",
        hint=_INDENTATION,
        at_opening=True,
    ),
    _Fault(words="unknown escape character", message="a backslash here is no known escape", hint=_BACKSLASH),
    _Fault(words="invalid Unicode character escape", message="this escape names no character", hint=_BACKSLASH),
    _Fault(words="did not find expected hex", message="this escape needs hexadecimal digits", hint=_BACKSLASH),
    _Fault(words="hexadecimal", message="this escape needs hexadecimal digits", hint=_BACKSLASH),
    _Fault(words="expected ',' or ']'", message="a ',' or the closing ']' is missing before this"),
    _Fault(words="expected ',' or '}'", message="a ',' or the closing '}' is missing before this"),
    _Fault(words="expected key", message="this does not continue the mapping above", hint=_INDENTATION),
    _Fault(words="expected '-' indicator", message="this does not continue the list above", hint=_INDENTATION),
    _Fault(words="expected <block end>", message="this does not continue what is above", hint=_INDENTATION),
    _Fault(words="expected node content", message="a value is missing before this"),
    _Fault(words="expected the node content", message="a value is missing before this"),
    _Fault(words="undefined tag handle", message="a tag that is not declared", hint="leave the tag out"),
    _Fault(words="sequence entries are not allowed", message="a list cannot begin here", hint=_INDENTATION),
    _Fault(words="mapping keys are not allowed", message="a '?' is not expected here", hint=_QUOTE),
    _Fault(words="found unexpected ':'", message="a ':' is not expected here", hint=_QUOTE),
    _Fault(words="scanning an alias", message="a '*' here begins an alias, which is not supported", hint=_QUOTE),
    _Fault(words="scanning an anchor", message="an '&' here begins an anchor, which is not supported", hint=_QUOTE),
    _Fault(words="ing a tag", message="a '!' here begins a tag, which is not supported", hint=_QUOTE),
    _Fault(words="scanning a directive", message="a '%' here begins a directive, which is not supported", hint=_QUOTE),
    _Fault(
        words="scanning a block scalar",
        message="after '|' or '>' the text begins on the next line",
        hint="move the text there and indent it, or quote it if it begins with '|' or '>'",
    ),
)


def syntax_finding(error: yaml.MarkedYAMLError, text: str) -> Finding:
    """The finding for text that is no YAML; what a tab or an open bracket has to do with it is worked out."""
    words = ", ".join(part for part in (error.context, error.problem) if part)
    at = error.problem_mark
    if "cannot start any token" in words and at is not None and text[at.index : at.index + 1] == "\t":
        words = "found a tab character"
    fault = next((known for known in _FAULTS if known.words in words), None)
    if fault is None:
        return Finding(_mark(at or error.context_mark, text), f"not valid YAML: {words}")
    if fault.at_opening and error.context_mark is not None:
        at = error.context_mark
    return Finding(_mark(at, text), fault.message, hint=fault.hint or _opening(error))


def _opening(error: yaml.MarkedYAMLError) -> str:
    """Where the bracket that is being read was opened."""
    opened = error.context_mark
    if opened is None or "flow" not in f"{error.context}":
        return ""
    return f"the bracket was opened at line {opened.line + 1}, column {opened.column + 1}"


def _mark(mark: yaml.Mark | None, text: str) -> Mark:
    """A parser's mark, counted from 1; its end of text can lie one line too far."""
    if mark is None:
        return Mark(1, 1)
    if mark.index >= len(text):
        return mark_at(text, len(text))
    return Mark(mark.line + 1, mark.column + 1)


def mark_at(text: str, index: int) -> Mark:
    """The line and column of a character, counted from 1."""
    return Mark(text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index))
