"""One value of a `ps.json` as the type of its key: what a reader would coerce is coerced, the rest refused."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import cast

from cmcore.document.wording import closest, described
from cmcore_hps.config.dialect import Dialect
from cmcore_hps.config.finding import Findings
from cmcore_hps.config.json_text import Node
from cmcore_hps.config.key import SIZE_MAX, Key, Kind
from cmcore_hps.config.spelling import DatabaseType, OverflowPolicy, folded, meant, spellings

INT_MAX = 2**31 - 1
FLOAT_MAX = 3.4028234663852886e38
TRUTHS = {"true": True, "false": False, "1": True, "0": False}
SECRET = "password"  # noqa: S105 # the name of a key
NOT_IN_35 = (DatabaseType.MULTI_PROCESS_HASH_MAP, OverflowPolicy.EVICT_LEAST_USED)


class Untyped(Enum):
    """The one answer for a value that has no meaning in its key's type."""

    UNTYPED = "untyped"


UNTYPED = Untyped.UNTYPED


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where values are looked at: for whom, and where what is found goes."""

    dialect: Dialect
    findings: Findings

    def typed(self, node: Node, key: Key, pointer: str) -> object:
        """The value as the key's type; UNTYPED where it is none, which is then found."""
        element = key.kind.element
        if element is None:
            return self._one(node, key, key.kind, pointer)
        nodes = self._nodes(node, key.kind, pointer)
        values = [self._one(each, key, element, f"{pointer}/{index}") for index, each in enumerate(nodes or ())]
        return UNTYPED if nodes is None or UNTYPED in values else tuple(values)

    def _nodes(self, node: Node, kind: Kind, pointer: str) -> list[Node] | None:
        """The elements of a list, also of one that is written as a text or as its only element."""
        if isinstance(node.value, list):
            return node.value
        elements = listed(node)
        if elements is None:
            self._refused(node, kind, pointer)
            return None
        self.findings.add(
            "E4-string-typed",
            pointer,
            f"{kind} is asked, and {told(node, pointer)} is there",
            f"write {json.dumps(elements)}; the export does",
            place=node.place,
        )
        return [Node(element, node.place) for element in elements]

    def _one(self, node: Node, key: Key, kind: Kind, pointer: str) -> object:
        if node.broken:
            return UNTYPED
        if kind is Kind.ENUM:
            return self._word(node, key, pointer)
        value = self._converted(node, kind, pointer)
        if value is UNTYPED:
            self._refused(node, kind, pointer)
            return UNTYPED
        if not self._fits(node, kind, key, value, pointer):
            return UNTYPED
        return value

    def _converted(self, node: Node, kind: Kind, pointer: str) -> object:
        """The value in the type, without bounds; what is coerced is found."""
        value = node.value
        if isinstance(value, dict | list) or value is None:
            return UNTYPED
        if exact(value, kind):
            return float(value) if kind is Kind.FLOAT and not isinstance(value, bool) else value
        if kind is Kind.TEXT:
            return UNTYPED
        found = number_of(value, kind)
        if found is not UNTYPED:
            rule = "E4-string-typed" if isinstance(value, str) else "E4-whole-number"
            self.findings.add(
                rule,
                pointer,
                f"{kind} is asked, and {told(node, pointer)} is there: {self._consequence()}",
                f"write {json.dumps(found)}; the export does",
                place=node.place,
            )
        return found

    def _consequence(self) -> str:
        return {
            Dialect.HUGECTR: "HugeCTR 3.5 may read it, later readers do not",
            Dialect.HPS: "a later load may read it, and the next start of the server ends with it",
            Dialect.LIBRARY: "the library refuses the file",
        }[self.dialect]

    def _fits(self, node: Node, kind: Kind, key: Key, value: object, pointer: str) -> bool:
        """Whether the value is within its type and its key's bounds; found where not."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return True
        least, most = {
            Kind.INT: (-INT_MAX - 1, INT_MAX), Kind.SIZE: (0, SIZE_MAX), Kind.FLOAT: (-FLOAT_MAX, FLOAT_MAX),
        }[kind]  # fmt: skip
        bounds = key.bounds
        if not least <= value <= most:
            self.findings.add(
                "E4-range",
                pointer,
                f"{kind} is asked, and {shortened(value)} is beyond it",
                f"write a number between {least} and {most}",
                place=node.place,
            )
            return False
        if bounds and not bounds.hold(value):
            why = f", because {bounds.why}" if bounds.why else ""
            self.findings.add(
                "E4-range",
                pointer,
                f"{shortened(value)} is there, and the value has to be {bounds}{why}",
                f"write a number that is {bounds}",
                place=node.place,
            )
        return True

    def _word(self, node: Node, key: Key, pointer: str) -> object:
        choices = cast("type[StrEnum]", key.spellings)
        if not isinstance(node.value, str):
            self._refused(node, Kind.ENUM, pointer)
            return UNTYPED
        word = node.value
        found = meant(word, choices)
        if found is None and (found := meant(folded(word), choices)) is not None:
            self.findings.add(
                "E4-enum-spelling",
                pointer,
                f"{word!r} is taken for {found.value!r} by the backends, and for the default by the library",
                f"write {found.value!r}; the export does",
                place=node.place,
            )
        if found is None:
            hint = closest(folded(word), spellings(choices))
            self.findings.add(
                "E4-enum-unknown",
                pointer,
                f"{described(word)} is none of {', '.join(choices)}: "
                "the backends refuse it, the library takes its default",
                hint or f"write one of {', '.join(choices)}",
                place=node.place,
            )
            return UNTYPED
        self._for_reader(node, found, pointer)
        return found

    def _for_reader(self, node: Node, found: StrEnum, pointer: str) -> None:
        refused = self.dialect is Dialect.HUGECTR and found in NOT_IN_35
        if refused or (self.dialect is Dialect.HPS and found is DatabaseType.MULTI_PROCESS_HASH_MAP):
            self.findings.add(
                "E4-enum-reader",
                pointer,
                f"{found.value!r} is not known to {self.dialect.reader}",
                "choose another, such as 'parallel_hash_map' or 'evict_random'",
                place=node.place,
            )

    def _refused(self, node: Node, kind: Kind, pointer: str) -> None:
        self.findings.add(
            "E4-type",
            pointer,
            f"{kind} is asked, and {told(node, pointer)} is there",
            f"write {kind}",
            place=node.place,
        )


def exact(value: str | float | bool, kind: Kind) -> bool:
    """Whether a scalar is of the type as it stands."""
    match kind:
        case Kind.BOOL:
            return isinstance(value, bool)
        case Kind.TEXT:
            return isinstance(value, str)
        case Kind.FLOAT:
            return isinstance(value, int | float) and not isinstance(value, bool)
        case _:
            return isinstance(value, int) and not isinstance(value, bool)


def number_of(value: str | float | bool, kind: Kind) -> object:
    """A scalar of another type as what it surely means; UNTYPED where that is nothing."""
    if kind is Kind.BOOL:
        text = str(value).strip().lower()
        return TRUTHS.get(text, UNTYPED)
    if isinstance(value, bool):
        return UNTYPED
    if isinstance(value, str):
        if len(value) > 400:
            return UNTYPED
        try:
            return float(value) if kind is Kind.FLOAT and finite(value) else int(value.strip())
        except ValueError:
            return whole(value)
    return int(value) if value == int(value) else UNTYPED


def finite(text: str) -> bool:
    """Whether a text is a finite number; raises ValueError where it is none."""
    if abs(float(text)) <= FLOAT_MAX:
        return True
    raise ValueError(text)


def whole(text: str) -> object:
    """A text such as `64.0` as a whole number; UNTYPED for all others."""
    try:
        value = float(text)
    except ValueError:
        return UNTYPED
    return int(value) if abs(value) < 2**53 and value == int(value) else UNTYPED


def listed(node: Node) -> list[str | int | float | bool] | None:
    """The elements that a text or a lone value stands for; None where it stands for no list."""
    value = node.value
    if isinstance(value, bool | int | float):
        return [value]
    if not isinstance(value, str):
        return None
    text = value.strip()
    if text.startswith("["):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return None
        scalars = isinstance(found, list) and all(isinstance(each, str | int | float) for each in found)
        return cast("list[str | int | float | bool]", found) if scalars else None
    return [part.strip() for part in text.split(",")] if text else []


def told(node: Node, pointer: str) -> str:
    """A value in a message; a secret is not told."""
    if pointer.endswith(f"/{SECRET}"):
        return "another value"
    value = node.value
    return shortened(value) if isinstance(value, int) and not isinstance(value, bool) else described(plain_top(node))


def plain_top(node: Node) -> object:
    """The value as far as a message describes it."""
    value = node.value
    return (
        dict.fromkeys(value) if isinstance(value, dict) else [None] * len(value) if isinstance(value, list) else value
    )


def shortened(value: object) -> str:
    """A number in a message."""
    text = str(value)
    return text if len(text) <= 40 else f"{text[:20]}... ({len(text)} digits)"
