"""TritonModel: what a `config.pbtxt` says that matters here, as values; how it is read is not here."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class TensorConfig(_Value):
    """One input or output; `data_type` is Triton's word, such as TYPE_FP32."""

    name: str
    data_type: str
    dims: tuple[int, ...]


class InstanceGroup(_Value):
    """So many instances on each of these GPUs; 0 instances and no GPUs mean that Triton chooses."""

    kind: str
    count: int
    gpus: tuple[int, ...] = ()


class TritonModel(_Value):
    """A model configuration; `parameters` are their texts, `versions` how many are served at once (0 is all)."""

    name: str = ""
    backend: str = ""
    max_batch_size: int = 0
    input: tuple[TensorConfig, ...] = ()
    output: tuple[TensorConfig, ...] = ()
    instance_group: tuple[InstanceGroup, ...] = ()
    parameters: Mapping[str, str] = {}
    versions: int = 1
    text: str = ""
