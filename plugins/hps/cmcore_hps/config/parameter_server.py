"""ParameterServer: a `ps.json` as typed values, as the strictest reader wants it. Defaults are the library's of 24.06.

What a reader does with each key stands beside the field; how a loosely written file becomes this is not here.
"""

from __future__ import annotations

import json
from typing import Annotated

from pydantic import BaseModel, ConfigDict

from cmcore_hps.config.key import (
    ALL,
    HIERARCHICAL,
    HPS,
    HUGECTR,
    LIBRARY,
    NOBODY,
    OLD,
    SIZE_MAX,
    TRITON,
    Bounds,
    Key,
    Kind,
)
from cmcore_hps.config.spelling import CacheType, DatabaseType, HashMapAlgorithm, OverflowPolicy, UpdateSourceType

INFINITY = float("inf")
POSITIVE = Bounds(least=1, most=INFINITY)
FRACTION = Bounds(least=0, most=1)
NOT_NEGATIVE = Bounds(least=0, most=INFINITY)

Text = Annotated[str, Key(kind=Kind.TEXT)]
Size = Annotated[int, Key(kind=Kind.SIZE)]
PositiveSize = Annotated[int, Key(kind=Kind.SIZE, bounds=POSITIVE)]
Flag = Annotated[bool, Key(kind=Kind.BOOL)]
LibraryText = Annotated[str, Key(kind=Kind.TEXT, read=HIERARCHICAL, online=False)]
LibrarySize = Annotated[int, Key(kind=Kind.SIZE, read=HIERARCHICAL, online=False, bounds=POSITIVE)]
LibraryFlag = Annotated[bool, Key(kind=Kind.BOOL, read=HIERARCHICAL, online=False)]
NewSize = Annotated[int, Key(kind=Kind.SIZE, read=HIERARCHICAL, bounds=POSITIVE)]
OldSize = Annotated[int, Key(kind=Kind.SIZE, read=OLD, bounds=POSITIVE)]
UnreadFlag = Annotated[bool, Key(kind=Kind.BOOL, read=NOBODY)]
Filters = Annotated[tuple[str, ...], Key(kind=Kind.TEXTS)]
Database = Annotated[DatabaseType, Key(kind=Kind.ENUM, spellings=DatabaseType)]


class Section(BaseModel):
    """A part of the file: frozen, no unknown keys, no coercion."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class VolatileDatabase(Section):
    """`volatile_db`: the cache in memory. Without the section it is a parallel hash map, with an empty one disabled."""

    type: Database = DatabaseType.PARALLEL_HASH_MAP
    address: Text = "127.0.0.1:7000"
    user_name: Text = "default"
    password: Text = ""
    num_partitions: PositiveSize = 16
    allocation_rate: Annotated[int, Key(kind=Kind.SIZE, read=HIERARCHICAL, bounds=POSITIVE)] = 256 * 2**20
    shared_memory_size: LibrarySize = 16 * 2**30
    shared_memory_name: LibraryText = "hctr_mp_hash_map_database"
    shared_memory_auto_remove: LibraryFlag = True
    num_node_connections: LibrarySize = 5
    max_batch_size: NewSize = 65_536
    enable_tls: LibraryFlag = False
    tls_ca_certificate: LibraryText = "cacertbundle.crt"
    tls_client_certificate: LibraryText = "client_cert.pem"
    tls_client_key: LibraryText = "client_key.pem"
    tls_server_name_identification: LibraryText = "redis.localhost"
    overflow_margin: PositiveSize = SIZE_MAX
    overflow_policy: Annotated[OverflowPolicy, Key(kind=Kind.ENUM, spellings=OverflowPolicy)] = (
        OverflowPolicy.EVICT_RANDOM
    )
    overflow_resolution_target: Annotated[
        float, Key(kind=Kind.FLOAT, bounds=Bounds(least=0, most=1, open=True))
    ] = 0.8  # fmt: skip
    initial_cache_rate: Annotated[float, Key(kind=Kind.FLOAT, bounds=FRACTION)] = 1.0
    cache_missed_embeddings: Flag = False
    update_filters: Filters = ("^hps_.+$",)
    initialize_after_startup: UnreadFlag = True
    algorithm: Annotated[HashMapAlgorithm, Key(kind=Kind.ENUM, spellings=HashMapAlgorithm, read=OLD)] = (
        HashMapAlgorithm.PHM
    )
    max_get_batch_size: OldSize = 10_000
    max_set_batch_size: OldSize = 10_000
    refresh_time_after_fetch: Annotated[bool, Key(kind=Kind.BOOL, read=OLD)] = False


class PersistentDatabase(Section):
    """`persistent_db`: the full copy on disk."""

    type: Database = DatabaseType.DISABLED
    path: Text = ""
    num_threads: PositiveSize = 16
    read_only: Flag = False
    max_batch_size: NewSize = 65_536
    update_filters: Filters = ("^hps_.+$",)
    initialize_after_startup: UnreadFlag = True
    max_get_batch_size: OldSize = 10_000
    max_set_batch_size: OldSize = 10_000


class UpdateSource(Section):
    """`update_source`: where updates are read from while the model is served."""

    type: Annotated[UpdateSourceType, Key(kind=Kind.ENUM, spellings=UpdateSourceType)] = UpdateSourceType.NULL
    brokers: Text = "127.0.0.1:9092"
    metadata_refresh_interval_ms: LibrarySize = 30_000
    receive_buffer_size: NewSize = 256 * 2**10
    poll_timeout_ms: Size = 500
    max_batch_size: PositiveSize = 8_192
    failure_backoff_ms: Size = 50
    max_commit_interval: NewSize = 32
    max_receive_buffer_size: OldSize = 2_000


class Model(Section):
    """One entry of `models`."""

    model: Annotated[str, Key(kind=Kind.TEXT, required=TRITON)] = ""
    sparse_files: Annotated[tuple[str, ...], Key(kind=Kind.TEXTS, required=ALL)] = ()
    dense_file: Annotated[str, Key(kind=Kind.TEXT, required=OLD)] = ""
    network_file: Annotated[str, Key(kind=Kind.TEXT, required=OLD, read=TRITON)] = ""
    max_batch_size: Annotated[int, Key(kind=Kind.SIZE, required=TRITON, bounds=POSITIVE)] = 64
    gpucache: Annotated[bool, Key(kind=Kind.BOOL, required=TRITON, filled=True)] = True
    gpucacheper: Annotated[
        float,
        Key(
            kind=Kind.FLOAT, required=TRITON, with_cache=True, filled=0.2,
            bounds=Bounds(least=0, most=1, why="it is the fraction of each table that is kept on a GPU"),
        ),
    ] = 0.2  # fmt: skip
    hit_rate_threshold: Annotated[
        float, Key(kind=Kind.FLOAT, required=TRITON, with_cache=True, filled=0.9, bounds=NOT_NEGATIVE)
    ] = 0.9
    num_of_worker_buffer_in_pool: Annotated[
        int, Key(kind=Kind.INT, required=TRITON, filled=1, bounds=POSITIVE)
    ] = 1  # fmt: skip
    num_of_refresher_buffer_in_pool: Annotated[
        int, Key(kind=Kind.INT, required=OLD, filled=1, bounds=POSITIVE)
    ] = 1  # fmt: skip
    cache_refresh_percentage_per_iteration: Annotated[
        float, Key(kind=Kind.FLOAT, required=OLD, filled=0.0, bounds=FRACTION)
    ] = 0.0  # fmt: skip
    deployed_device_list: Annotated[tuple[int, ...], Key(kind=Kind.INTS, required=ALL, bounds=NOT_NEGATIVE)] = ()
    default_value_for_each_table: Annotated[
        tuple[float, ...], Key(kind=Kind.FLOATS, required=ALL, filled=())
    ] = ()  # fmt: skip
    maxnum_catfeature_query_per_table_per_sample: Annotated[
        tuple[int, ...], Key(kind=Kind.SIZES, required=HIERARCHICAL, read=HIERARCHICAL)
    ] = ()
    embedding_vecsize_per_table: Annotated[
        tuple[int, ...], Key(kind=Kind.SIZES, required=HIERARCHICAL, read=HIERARCHICAL, bounds=POSITIVE)
    ] = ()
    embedding_table_names: Annotated[tuple[str, ...], Key(kind=Kind.TEXTS, read=HIERARCHICAL)] = ()
    maxnum_des_feature_per_sample: Annotated[int, Key(kind=Kind.INT, read=HIERARCHICAL, bounds=NOT_NEGATIVE)] = 26
    refresh_delay: Annotated[
        float, Key(kind=Kind.FLOAT, read=HIERARCHICAL, online=False, bounds=NOT_NEGATIVE)
    ] = 0.0  # fmt: skip
    refresh_interval: Annotated[
        float, Key(kind=Kind.FLOAT, read=HIERARCHICAL, online=False, bounds=NOT_NEGATIVE)
    ] = 0.0  # fmt: skip
    embedding_cache_type: Annotated[
        CacheType, Key(kind=Kind.ENUM, spellings=CacheType, read=HIERARCHICAL)
    ] = CacheType.DYNAMIC  # fmt: skip
    use_static_table: LibraryFlag = False
    use_context_stream: LibraryFlag = True
    use_hctr_cache_implementation: LibraryFlag = True
    thread_pool_size: Annotated[int, Key(kind=Kind.INT, read=HIERARCHICAL, online=False, bounds=POSITIVE)] = 16
    init_ec: Annotated[bool, Key(kind=Kind.BOOL, read=HIERARCHICAL)] = True
    enable_pagelock: Annotated[bool, Key(kind=Kind.BOOL, read=HIERARCHICAL)] = False
    fp8_quant: Annotated[bool, Key(kind=Kind.BOOL, read=HIERARCHICAL)] = False
    fuse_embedding_table: LibraryFlag = True
    label_dim: Annotated[int, Key(kind=Kind.SIZE, read=frozenset({HPS}), bounds=POSITIVE)] = 1
    slot_num: Annotated[int, Key(kind=Kind.SIZE, read=frozenset({HPS}), bounds=POSITIVE)] = 10

    @property
    def tables(self) -> tuple[str, ...]:
        """The names of the embedding tables; the library numbers them from 0 where the file names none."""
        return self.embedding_table_names or tuple(
            f"sparse_embedding{index}" for index in range(len(self.sparse_files))
        )


class ParameterServer(Section):
    """A whole `ps.json`."""

    supportlonglong: Annotated[bool, Key(kind=Kind.BOOL, required=ALL)] = True
    fuse_embedding_table: LibraryFlag = False
    volatile_db: VolatileDatabase | None = None
    persistent_db: PersistentDatabase | None = None
    update_source: UpdateSource | None = None
    models: tuple[Model, ...] = ()

    def model(self, name: str) -> Model | None:
        """The entry of that model; the last where there are several, as the backends have it."""
        return next((model for model in reversed(self.models) if model.model == name), None)

    def document(self) -> str:
        """The file as strictly typed JSON: what was given and what a reader would miss, nothing that may vary."""
        written = self.model_dump(mode="json", exclude_unset=True, exclude_none=True)
        return json.dumps(written, indent=2, ensure_ascii=False) + "\n"


SECTIONS: dict[str, type[Section]] = {
    "volatile_db": VolatileDatabase,
    "persistent_db": PersistentDatabase,
    "update_source": UpdateSource,
}
RENAMED: dict[str, dict[str, str]] = {
    "volatile_db": {"max_get_batch_size": "max_batch_size", "max_set_batch_size": "max_batch_size"},
    "persistent_db": {"max_get_batch_size": "max_batch_size", "max_set_batch_size": "max_batch_size"},
}

__all__ = [
    "HUGECTR", "LIBRARY", "RENAMED", "SECTIONS", "Model", "ParameterServer", "PersistentDatabase", "Section",
    "UpdateSource", "VolatileDatabase",
]  # fmt: skip
