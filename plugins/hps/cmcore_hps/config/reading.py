"""A `ps.json` as values: its keys against the reader's, its gaps filled as the reader would."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from cmcore.document.wording import closest
from cmcore_hps.config.coercion import UNTYPED, Desk
from cmcore_hps.config.dialect import Dialect
from cmcore_hps.config.finding import PER_RULE_MAX, Findings, Place
from cmcore_hps.config.json_text import Node, escaped
from cmcore_hps.config.key import OLD, Key, keys_of
from cmcore_hps.config.parameter_server import RENAMED, SECTIONS, Model, ParameterServer, Section
from cmcore_hps.config.spelling import DatabaseType, UpdateSourceType

_Of = TypeVar("_Of", bound=Section)
TOP = {**keys_of(ParameterServer), **dict.fromkeys(SECTIONS), "models": None}
MODEL = keys_of(Model)
ALL_KEYS = {name for section in SECTIONS.values() for name in section.model_fields} | set(TOP) | set(MODEL)


@dataclass(slots=True)
class ServerReading:
    """What was read. Keys in `untyped` have no value of theirs: they hold a default that nobody wrote."""

    findings: Findings
    dialect: Dialect
    server: ParameterServer = field(default_factory=ParameterServer)
    bases: list[str] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)
    untyped: set[str] = field(default_factory=set)
    _models: Mapping[str, Model] = field(default_factory=dict)

    @property
    def models(self) -> Mapping[str, Model]:
        """Every model by the pointer of its object."""
        if len(self._models) != len(self.bases):
            self._models = dict(zip(self.bases, self.server.models, strict=True))
        return self._models

    def knows(self, base: str, *keys: str) -> bool:
        """Whether the model at this pointer has these keys: written, or filled in for a reader that requires them."""
        given = self.models[base].model_fields_set
        return all(key in given and f"{base}/{key}" not in self.untyped for key in keys)

    def place(self, pointer: str) -> Place:
        """Where the pointer leads, or the nearest that is there."""
        while pointer and pointer not in self.places:
            pointer = pointer.rpartition("/")[0]
        return self.places.get(pointer, (1, 1))

    def add(self, rule: str, pointer: str, message: str, fix: str) -> None:
        """One more finding, with its place."""
        self.findings.add(rule, pointer, message, fix, place=self.place(pointer))


def read_server(node: Node, dialect: Dialect, findings: Findings, *, long_keys: bool = True) -> ServerReading | None:
    """The file's values; None where it is no object. `long_keys` is what a fragment is taken to mean."""
    reading = ServerReading(findings, dialect)
    reading.places[""] = node.place
    if not isinstance(node.value, dict):
        findings.add("E4-root", "", "the file is no object", 'write `{"models": [...]}`', place=node.place)
        return None
    alone = is_model(node.value)
    given = fragment(node, node.value, reading, long_keys) if alone else whole(node, node.value, reading)
    reading.server = ParameterServer.model_validate(given)
    return reading


def is_model(members: Mapping[str, Node]) -> bool:
    """Whether an object is one model alone and not a file."""
    return "models" not in members and len(MODEL.keys() & members.keys()) > len(TOP.keys() & members.keys())


def fragment(
    node: Node, members: Mapping[str, Node], reading: ServerReading, long_keys: bool
) -> dict[str, object]:  # fmt: skip
    """One model's object as a file; keys of a file that stand in it are taken for those of the file."""
    reading.add(
        "E4-json-fragment",
        "",
        "the file is the object of one model, without a list `models` around it",
        f'write `{{"supportlonglong": {str(long_keys).lower()}, "models": [...]}}`; the export does',
    )
    around = {name: child for name, child in members.items() if name in TOP and name not in MODEL}
    around.setdefault("supportlonglong", Node(long_keys, node.place))
    given = whole(Node(around, node.place, node.keys), around, reading)
    within = {name: child for name, child in members.items() if name not in around}
    reading.bases.append("")
    return {**given, "models": (model_of(Node(within, node.place, node.keys), "", reading),)}


def whole(node: Node, members: Mapping[str, Node], reading: ServerReading) -> dict[str, object]:
    """A file's values."""
    given = values_of(node, ParameterServer, "", reading, nested=(*SECTIONS, "models"))
    for name, section in SECTIONS.items():
        if name in members and (values := section_of(members[name], name, section, reading)) is not None:
            given[name] = section.model_validate(values)
    fill_volatile(given, members, reading)
    fill_filters(given, reading)
    entries = members.get("models")
    if entries is not None and not isinstance(entries.value, list):
        reading.places["/models"] = entries.place
        reading.add("E4-section", "/models", "`models` is no list", "write a list of objects")
        reading.untyped.add("/models")
    given["models"] = tuple(models_of(entries, reading))
    return given


def models_of(entries: Node | None, reading: ServerReading) -> Iterator[Model]:
    """The entries of `models`; those that are no objects are found."""
    if entries is None or not isinstance(entries.value, list):
        return
    reading.places["/models"] = entries.place
    for index, entry in enumerate(entries.value):
        base = f"/models/{index}"
        reading.places[base] = entry.place
        if not isinstance(entry.value, dict):
            reading.add(
                "E4-section", base, "the entry of `models` is no object", "write an object with `model` and its keys"
            )
            reading.untyped.add(base)
            continue
        reading.bases.append(base)
        yield model_of(entry, base, reading)


def model_of(node: Node, base: str, reading: ServerReading) -> Model:
    """One model's values, its list of defaults as long as its tables."""
    values = values_of(node, Model, base, reading)
    tables, defaults = values.get("sparse_files"), values.get("default_value_for_each_table")
    if isinstance(tables, tuple) and isinstance(defaults, tuple) and tables and len(tables) != len(defaults):
        written = f"{base}/default_value_for_each_table" in reading.places
        values["default_value_for_each_table"] = (*defaults, *[0.0] * len(tables))[: len(tables)]
        if written:
            short(base, len(defaults), len(tables), reading)
    return Model.model_validate(values)


def short(base: str, found: int, tables: int, reading: ServerReading) -> None:
    """A list of defaults that is not as long as the list of tables."""
    reading.add(
        "E4-defaults-length",
        f"{base}/default_value_for_each_table",
        f"{found} values are there for {tables} tables: the library pads with 0 or cuts, and the backends read "
        "behind the end of a list that is too short",
        "write one value per table; the export pads with 0 or cuts",
    )


def section_of(node: Node, name: str, section: type[Section], reading: ServerReading) -> dict[str, object] | None:
    """A section's values; None where it is no object."""
    reading.places[f"/{name}"] = node.place
    if not isinstance(node.value, dict):
        reading.add("E4-section", f"/{name}", f"`{name}` is no object", "write an object, or leave it out")
        reading.untyped.add(f"/{name}")
        return None
    return values_of(node, section, f"/{name}", reading)


def values_of(
    node: Node, section: type[Section], base: str, reading: ServerReading, nested: tuple[str, ...] = ()
) -> dict[str, object]:
    """The values of an object's known keys, and of those that the reader requires and would be given."""
    assert isinstance(node.value, dict)
    keys = keys_of(section)
    values: dict[str, object] = {}
    unknown = 0
    desk = Desk(dialect=reading.dialect, findings=reading.findings)
    for name, child in node.value.items():
        pointer = f"{base}/{escaped(name)}"
        if name in nested:
            continue
        if (key := keys.get(name)) is None:
            unknown += 1
            reading.places[pointer] = node.keys.get(name, child.place)
            if unknown <= PER_RULE_MAX:
                strange(name, pointer, [*keys, *nested], reading)
            continue
        reading.places[pointer] = child.place
        target = kept(name, key, base, reading)
        value = desk.typed(child, key, pointer)
        if value is UNTYPED:
            reading.untyped.add(pointer)
        elif target:
            values.setdefault(target, value)
    if unknown > PER_RULE_MAX:
        reading.add("E4-unknown-key", base, f"{unknown - PER_RULE_MAX} more unknown keys are not listed", "remove them")
    fill_required(keys, values, base, reading)
    return values


def strange(name: str, pointer: str, known: list[str], reading: ServerReading) -> None:
    """A key that no reader knows here."""
    hint = closest(name, known)
    if not hint and name in ALL_KEYS:
        hint = f"{name!r} belongs to another section: move it"
    reading.add(
        "E4-unknown-key",
        pointer,
        f"no reader knows the key {name[:60]!r} here: it is ignored without a word",
        hint or "remove it",
    )


def kept(name: str, key: Key, base: str, reading: ServerReading) -> str:
    """Under which name a key goes on, empty where it does not; found where this is not the reader's own."""
    dialect, pointer = reading.dialect, f"{base}/{name}"
    if dialect in key.read:
        if dialect is Dialect.HPS and not key.online:
            reading.add(
                "E4-key-online",
                pointer,
                f"{name!r} is read when the server starts, and ignored on later loads",
                "restart the server after a change, or do not rely on it",
            )
        return name
    if key.read == OLD:
        target = RENAMED.get(base.removeprefix("/"), {}).get(name, "")
        if target:
            reading.add(
                "E4-key-renamed",
                pointer,
                f"{name!r} of HugeCTR 3.5 is {target!r} now, and is ignored under its old name",
                f"write {target!r}; the export does",
            )
        else:
            reading.add(
                "E4-key-dropped",
                pointer,
                f"{name!r} is a key of HugeCTR 3.5 that {dialect.reader} ignores",
                "remove it; the export does",
            )
        return target
    reading.add(
        "E4-key-ignored", pointer, f"{name!r} is not read by {dialect.reader}: the value has no effect", "remove it"
    )
    return name


def fill_required(keys: Mapping[str, Key], values: dict[str, object], base: str, reading: ServerReading) -> None:
    """The keys that a reader requires: with the library's default where it has one, found in any case."""
    for name, key in keys.items():
        pointer = f"{base}/{name}"
        missing = reading.dialect in key.required and name not in values and pointer not in reading.untyped
        if not missing or (key.with_cache and values.get("gpucache") is False):
            continue
        if key.filled is None:
            reading.untyped.add(pointer)
            reading.add(
                "E4-required",
                pointer,
                f"{reading.dialect.reader} requires {name!r}, and it is missing",
                f"write {name!r}",
            )
            continue
        values[name] = key.filled
        shown = "one 0.0 per table" if key.filled == () else key.filled
        reading.add(
            "E4-required-filled",
            pointer,
            f"{reading.dialect.reader} requires {name!r}, and it is missing",
            f"write it; the export writes the library's default, {shown}",
        )


def fill_volatile(given: dict[str, object], members: Mapping[str, Node], reading: ServerReading) -> None:
    """The type of a volatile database that says none."""
    database = given.get("volatile_db")
    if not isinstance(database, SECTIONS["volatile_db"]) or "type" in database.model_fields_set:
        return
    if "/volatile_db/type" in reading.untyped or "volatile_db" not in members:
        return
    taken = DatabaseType.PARALLEL_HASH_MAP if reading.dialect is Dialect.HUGECTR else DatabaseType.DISABLED
    given["volatile_db"] = with_value(database, "type", taken)
    reading.add(
        "E4-volatile-type",
        "/volatile_db",
        "no type is there: the library takes 'disabled', the backends 'parallel_hash_map'",
        f"write the type; the export writes {taken.value!r}, which {reading.dialect.reader} starts with",
    )


def fill_filters(given: dict[str, object], reading: ServerReading) -> None:
    """The filters of a database that updates would reach and that says none."""
    source = given.get("update_source")
    updated = getattr(source, "type", None) is UpdateSourceType.KAFKA_MESSAGE_QUEUE
    if not updated or reading.dialect is Dialect.LIBRARY:
        return
    for name in ("volatile_db", "persistent_db"):
        database = given.get(name)
        pointer = f"/{name}/update_filters"
        if not isinstance(database, Section) or "update_filters" in database.model_fields_set | reading.untyped:
            continue
        filters = (".+",) if reading.dialect is Dialect.HUGECTR else ("^hps_.+$",)
        given[name] = with_value(database, "update_filters", filters)
        reading.add(
            "E4-filters-default",
            pointer,
            f"`{name}` says no update_filters: the library takes '^hps_.+$', the backends none: no update arrives",
            f"write them; the export writes {list(filters)}",
        )


def with_value(section: _Of, name: str, value: object) -> _Of:
    """The section with one more value of its own."""
    given = {key: getattr(section, key) for key in section.model_fields_set}
    return type(section).model_validate({**given, name: value})
