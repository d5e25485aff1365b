"""Network: the layers of HugeCTR's `network.json` that configurations have to agree with, as values."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class SparseInput(_Value):
    """Categorical features: `features` is how many one sample has at most, over all slots."""

    top: str
    slot_num: int
    features: int


class DataLayer(_Value):
    """The first layer: what a sample is made of; several labels have their dimensions summed."""

    label_dim: int
    dense_dim: int
    sparse: tuple[SparseInput, ...]


class EmbeddingLayer(_Value):
    """One embedding table, called by its `top`; `index` counts layers from 0."""

    index: int
    name: str
    type: str
    top: str
    bottom: str
    vector_size: int


class Network(_Value):
    """`layers` counts all of them; what is not `whole` was a fragment, and more may follow."""

    data: DataLayer | None
    embeddings: tuple[EmbeddingLayer, ...]
    layers: int
    whole: bool

    def sparse(self, top: str) -> SparseInput | None:
        """The sparse input of that name."""
        return next((sparse for sparse in self.data.sparse if sparse.top == top), None) if self.data else None
