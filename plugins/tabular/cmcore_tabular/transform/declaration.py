"""How a person declares features. Light: imported to check documents, so nothing but pydantic stands here."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel


class _Declaration(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    of: str = Field("", description="A raw column, a derived one or an expression; by default the feature's own name")


class NumericFeature(_Declaration):
    """A number: what stands for missing, how it is scaled, whether missing is a feature of its own."""

    kind: Literal["numeric"] = "numeric"
    impute: Literal["none", "mean", "median", "zero"] = "none"
    scale: Literal["none", "standard", "min_max"] = "none"
    indicator: bool = False


class OneHotFeature(_Declaration):
    """One column per category of a text or number; the most frequent ones of the training split.

    What is unknown gives zeros (`ignore`) or a column of its own (`other`).
    """

    kind: Literal["one_hot"]
    max_categories: int = Field(50, ge=1, le=10_000)
    min_count: int = Field(1, ge=1)
    unknown: Literal["ignore", "other"] = "ignore"


class OrdinalFeature(_Declaration):
    """The rank of a text among the categories of the training split, most frequent first; unknown is -1."""

    kind: Literal["ordinal"]
    max_categories: int = Field(1_000, ge=1, le=100_000)
    min_count: int = Field(1, ge=1)


FeatureDeclaration = Annotated[NumericFeature | OneHotFeature | OrdinalFeature, Field(discriminator="kind")]


class FeatureDeclarations(RootModel[dict[str, FeatureDeclaration]]):
    """Features by name."""

    model_config = ConfigDict(frozen=True)
