"""The words of `ps.json` that stand for a choice, with every spelling that some reader takes."""

from __future__ import annotations

from enum import StrEnum


class DatabaseType(StrEnum):
    """Where embeddings are kept."""

    DISABLED = "disabled"
    HASH_MAP = "hash_map"
    PARALLEL_HASH_MAP = "parallel_hash_map"
    MULTI_PROCESS_HASH_MAP = "multi_process_hash_map"
    REDIS_CLUSTER = "redis_cluster"
    ROCKS_DB = "rocks_db"


class OverflowPolicy(StrEnum):
    """What leaves a partition that is full."""

    EVICT_RANDOM = "evict_random"
    EVICT_LEAST_USED = "evict_least_used"
    EVICT_OLDEST = "evict_oldest"


class UpdateSourceType(StrEnum):
    """Where updates of a trained model come from."""

    NULL = "null"
    KAFKA_MESSAGE_QUEUE = "kafka_message_queue"


class CacheType(StrEnum):
    """The kind of the embedding cache on a GPU."""

    DYNAMIC = "dynamic"
    STATIC = "static"
    UVM = "uvm"
    STOCHASTIC = "stochastic"


class HashMapAlgorithm(StrEnum):
    """The hash map of HugeCTR 3.5; later versions name it by the type of the database."""

    STL = "stl"
    PHM = "phm"


ALIASES: dict[str, tuple[str, ...]] = {
    DatabaseType.DISABLED: ("disable", "none"),
    DatabaseType.HASH_MAP: ("hashmap", "hash", "map"),
    DatabaseType.PARALLEL_HASH_MAP: ("parallel_hashmap", "parallel_hash", "parallel_map"),
    DatabaseType.MULTI_PROCESS_HASH_MAP: ("multi_process_hashmap", "multi_process_hash", "multi_process_map"),
    DatabaseType.REDIS_CLUSTER: ("redis",),
    DatabaseType.ROCKS_DB: ("rocksdb", "rocks"),
    OverflowPolicy.EVICT_RANDOM: ("random",),
    OverflowPolicy.EVICT_LEAST_USED: ("least_used",),
    OverflowPolicy.EVICT_OLDEST: ("oldest",),
    UpdateSourceType.NULL: ("none",),
    UpdateSourceType.KAFKA_MESSAGE_QUEUE: ("kafka_mq", "kafka"),
}


def meant(word: str, choices: type[StrEnum]) -> StrEnum | None:
    """The choice of exactly this spelling; None where it is no known one."""
    for choice in choices:
        if word == choice.value or word in ALIASES.get(choice, ()):
            return choice
    return None


def folded(word: str) -> str:
    """The word as the Triton backends compare it: small letters, `_` for blanks and dashes."""
    return word.strip().lower().replace(" ", "_").replace("-", "_")


def spellings(choices: type[StrEnum]) -> list[str]:
    """Every spelling of every choice."""
    return [spelling for choice in choices for spelling in (choice.value, *ALIASES.get(choice, ()))]
