"""Rule: one thing that configurations are held to, and Severity, what it means to break it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cmcore_hps.config.dialect import Dialect


class Severity(StrEnum):
    """Whether the files may be deployed."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`says` is what must be; `source` names the file of NVIDIA's that has it, or says that the rule is ours."""

    id: str
    severity: Severity
    dialects: tuple[Dialect, ...]
    source: str
    says: str


ERROR, WARNING = Severity.ERROR, Severity.WARNING
ALL = tuple(Dialect)
HIERARCHICAL = (Dialect.HPS, Dialect.LIBRARY)
BACKENDS = (Dialect.HUGECTR, Dialect.HPS)
HUGECTR = (Dialect.HUGECTR,)
HPS = (Dialect.HPS,)

PARSER = "HugeCTR/include/parser.hpp"
LIB = "HugeCTR/src/hps/inference_utils.cpp"
SERVER = "HugeCTR/src/hps/hier_parameter_server.cpp"
REDIS = "HugeCTR/src/hps/redis_backend.cpp"
KAFKA = "HugeCTR/src/hps/kafka_message.cpp"
ONLINE = "hps_backend/src/backend.cpp"
STATE = "hps_backend/src/model_state.cpp"
COERCE = "hps_backend/src/triton_helpers.cpp"
LOADS = "hps_backend/src/hps.cc"
OLD = "src/hugectr.cc of 3.5"
DOCS = "docs/architecture.md of the backends"
README = "README.md of the backends"
TRITON = "Triton's model_config.proto"
OURS = "ours"
