"""What a `ps.json` must be by itself, once its values are typed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from cmcore_hps.config.dialect import Dialect
from cmcore_hps.config.parameter_server import Model, VolatileDatabase
from cmcore_hps.config.reading import ServerReading
from cmcore_hps.config.rule import Severity
from cmcore_hps.config.spelling import CacheType, DatabaseType

SCHEMES = ("hdfs", "s3", "gs")
SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
CACHE_KEYS = ("gpucacheper", "hit_rate_threshold", "cache_refresh_percentage_per_iteration", "embedding_cache_type")
LISTED = ("embedding_vecsize_per_table", "maxnum_catfeature_query_per_table_per_sample", "embedding_table_names")
PATTERN_MAX = 1_000


def check_server(reading: ServerReading) -> None:
    """Every rule of the file alone."""
    check_databases(reading)
    server, dialect = reading.server, reading.dialect
    if dialect is Dialect.HPS and "/supportlonglong" not in reading.untyped and not server.supportlonglong:
        reading.add(
            "E4-long-keys",
            "/supportlonglong",
            "`supportlonglong` is false, and the HPS backend serves only keys of 64 bits",
            "write true, and export the embedding tables with keys of 64 bits",
        )
    if not reading.bases and not {"/models"} & reading.untyped:
        reading.add("E4-models-empty", "/models", "`models` names no model", "write an entry for each model")
    check_duplicates(reading)
    for base, model in reading.models.items():
        check_model(base, model, reading)


def check_databases(reading: ServerReading) -> None:
    """`volatile_db`, `persistent_db` and `update_source`."""
    volatile, persistent = reading.server.volatile_db, reading.server.persistent_db
    if volatile:
        check_volatile(volatile, reading)
        check_filters("volatile_db", volatile.update_filters, reading)
    if persistent:
        check_filters("persistent_db", persistent.update_filters, reading)
        if persistent.type not in (DatabaseType.DISABLED, DatabaseType.ROCKS_DB):
            reading.add(
                "E4-database-role",
                "/persistent_db/type",
                f"`persistent_db` is {persistent.type.value!r}; it can be RocksDB only",
                "write 'rocks_db' or 'disabled', or move it to `volatile_db`",
            )
    source = reading.server.update_source
    if source and ";" in source.brokers and reading.dialect is not Dialect.HUGECTR:
        reading.add(
            "E4-broker-separator",
            "/update_source/brokers",
            f"the brokers {source.brokers[:80]!r} are separated by ';'",
            "separate them by ','",
        )


def check_volatile(database: VolatileDatabase, reading: ServerReading) -> None:
    """The cache in memory."""
    if database.type is DatabaseType.ROCKS_DB:
        reading.add(
            "E4-database-role",
            "/volatile_db/type",
            "`volatile_db` is 'rocks_db', which keeps its data",
            "move it to `persistent_db`",
        )
    if database.password:
        reading.add(
            "E4-password-plain",
            "/volatile_db/password",
            "a password stands in the file",
            "keep it as a secret, and write it into the file where the server runs",
        )
    if database.type is not DatabaseType.REDIS_CLUSTER or reading.dialect is Dialect.HUGECTR:
        return
    if database.num_partitions < database.num_node_connections:
        reading.add(
            "E4-redis-connections",
            "/volatile_db/num_partitions",
            f"num_partitions is {database.num_partitions}, and num_node_connections {database.num_node_connections}",
            "write no fewer partitions than connections per node",
        )
    if re.search(r"[;,]", database.address):
        reading.add(
            "E4-address-separator",
            "/volatile_db/address",
            f"the address {database.address[:80]!r} names several nodes",
            "name one node of the cluster that is always there; the client finds the others by it",
        )


def check_filters(name: str, filters: Sequence[str], reading: ServerReading) -> None:
    """Update filters are regular expressions."""
    for index, pattern in enumerate(filters):
        if (fault := fault_of(pattern)) is not None:
            reading.add(
                "E4-filter-pattern",
                f"/{name}/update_filters/{index}",
                f"{pattern[:60]!r} is no regular expression: {fault}",
                "write one, such as '^hps_.+$'",
            )


def fault_of(pattern: str) -> str | None:
    """What is wrong with a regular expression, which is not tried on anything."""
    if len(pattern) > PATTERN_MAX:
        return f"it has {len(pattern):,} characters"
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return str(error)
    return None


def check_duplicates(reading: ServerReading) -> None:
    """Every model stands once."""
    first: dict[str, str] = {}
    for base, model in reading.models.items():
        if reading.knows(base, "model") and first.setdefault(model.model, base) != base:
            reading.add(
                "E4-model-duplicate",
                f"{base}/model",
                f"the model {model.model[:60]!r} stands at {first[model.model]} too: the backends take the last, "
                "the library makes both and calls them by one number",
                "keep one of them, or rename it",
            )


def check_model(base: str, model: Model, reading: ServerReading) -> None:
    """One entry of `models`."""
    check_devices(base, model, reading)
    check_tables(base, model, reading)
    check_cache(base, model, reading)
    for index, file in enumerate(model.sparse_files):
        scheme = SCHEME.match(file)
        if not file or (scheme and scheme[1].lower() not in SCHEMES):
            reading.add(
                "E4-file-scheme",
                f"{base}/sparse_files/{index}",
                f"{file[:80]!r} is neither a path nor of a known scheme",
                f"write a path, or {', '.join(f'{scheme}://' for scheme in SCHEMES)}",
            )


def check_devices(base: str, model: Model, reading: ServerReading) -> None:
    """The GPUs that hold a cache."""
    if not reading.knows(base, "deployed_device_list"):
        return
    devices, pointer = model.deployed_device_list, f"{base}/deployed_device_list"
    if not devices:
        reading.add("E4-devices-empty", pointer, "`deployed_device_list` is empty", "name the GPUs, such as [0]")
    if len(set(devices)) < len(devices):
        reading.add(
            "E4-devices-twice", pointer, f"a device stands twice in {list(devices[:20])}", "name each device once"
        )


def check_tables(base: str, model: Model, reading: ServerReading) -> None:
    """The lists with one element per embedding table."""
    if not reading.knows(base, "sparse_files"):
        return
    tables = len(model.sparse_files)
    if not tables:
        reading.add("E4-tables-none", f"{base}/sparse_files", "`sparse_files` is empty", "name a folder for each table")
        return
    for key in written(LISTED, base, reading):
        found = len(list_of(model, key))
        if found != tables:
            reading.add(
                "E4-tables-length",
                f"{base}/{key}",
                f"{key} has {found} elements, and sparse_files {tables}",
                "write one per table, in the order of sparse_files",
            )
    if reading.dialect is not Dialect.HUGECTR:
        check_hierarchical(base, model, reading)


def list_of(model: Model, key: str) -> Sequence[object]:
    """One of the lists by its key."""
    lists: dict[str, Sequence[object]] = {
        "embedding_vecsize_per_table": model.embedding_vecsize_per_table,
        "maxnum_catfeature_query_per_table_per_sample": model.maxnum_catfeature_query_per_table_per_sample,
        "embedding_table_names": model.embedding_table_names,
    }
    return lists[key]


def written(keys: Iterable[str], base: str, reading: ServerReading) -> Iterator[str]:
    """Those of the keys that the file has."""
    return (key for key in keys if reading.knows(base, key))


def check_hierarchical(base: str, model: Model, reading: ServerReading) -> None:
    """What only HPS reads of the tables."""
    names, queries = model.embedding_table_names, model.maxnum_catfeature_query_per_table_per_sample
    if len(set(names)) < len(names):
        reading.add(
            "E4-tables-twice", f"{base}/embedding_table_names", "a table's name stands twice", "name each table once"
        )
    if "embedding_table_names" not in model.model_fields_set and len(model.sparse_files) > 1:
        reading.add(
            "E4-tables-numbering",
            f"{base}/embedding_table_names",
            f"{len(model.sparse_files)} tables have no names: the library calls them sparse_embedding0 and on, the "
            "documentation sparse_embedding1 and on",
            "write embedding_table_names",
        )
    if reading.knows(base, "maxnum_catfeature_query_per_table_per_sample") and sum(queries) <= 0:
        reading.add(
            "E4-catfeature-sum",
            f"{base}/maxnum_catfeature_query_per_table_per_sample",
            "the numbers of queries sum to 0",
            "write how many keys of each table one sample asks for at most",
        )


def check_cache(base: str, model: Model, reading: ServerReading) -> None:
    """The embedding cache on GPUs."""
    if not model.gpucache:
        for key in written(CACHE_KEYS, base, reading):
            reading.add("E4-cache-unused", f"{base}/{key}", f"{key!r} is given, and `gpucache` is false", "remove it")
    elif model.hit_rate_threshold > 1:
        reading.add(
            "E4-hit-rate-async",
            f"{base}/hit_rate_threshold",
            f"hit_rate_threshold is {model.hit_rate_threshold:g}: no key is ever inserted asynchronously",
            "write a number between 0 and 1, or leave it so if this is meant",
        )
    if reading.dialect is Dialect.HUGECTR:
        return
    if model.refresh_interval != int(model.refresh_interval):
        reading.add(
            "E4-interval-whole",
            f"{base}/refresh_interval",
            f"refresh_interval is {model.refresh_interval:g}, and the library takes {int(model.refresh_interval)}"
            f"{', which is never' if model.refresh_interval < 1 else ''}",
            "write whole seconds, or set the parameter refresh_interval in config.pbtxt",
        )
    if (
        model.use_static_table
        and reading.knows(base, "embedding_cache_type")
        and model.embedding_cache_type != "static"
    ):
        reading.add(
            "E4-static-table",
            f"{base}/embedding_cache_type",
            f"embedding_cache_type is {model.embedding_cache_type.value!r}, and use_static_table makes it static",
            "remove one of them",
        )
    if reading.dialect is Dialect.HPS and model.embedding_cache_type is CacheType.STOCHASTIC:
        reading.add(
            "E4-cache-stochastic",
            f"{base}/embedding_cache_type",
            "embedding_cache_type is 'stochastic', which a later load takes for 'dynamic'",
            "choose another type, or restart the server instead of loading",
        )


def check_neighbours(reading: ServerReading) -> None:
    """The entries that stop the HPS backend from reading those behind them; to be called when all else was checked."""
    if reading.dialect is not Dialect.HPS or len(reading.bases) < 2:
        return
    first: dict[str, str] = {}
    for finding in reading.findings:
        if stops(finding.rule, finding.severity):
            base, _, _ = finding.pointer.removeprefix("/models/").partition("/")
            first.setdefault(f"/models/{base}", finding.pointer)
    for index, (base, model) in enumerate(reading.models.items()):
        behind = [each.model for each in reading.server.models[index + 1 : index + 6]]
        if base in first and behind:
            reading.add(
                "E4-neighbour",
                base,
                f"the entry of {model.model[:60]!r} is wrong at {first[base]}: the backend stops here without a word, "
                f"and does not know {', '.join(map(repr, behind))}",
                "mend this entry before any model is loaded",
            )
            return


def stops(rule: str, severity: Severity) -> bool:
    """Whether a finding is one at which the HPS backend stops reading."""
    return severity is Severity.ERROR and rule in ("E4-required", "E4-type", "E4-enum-reader", "E4-range")
