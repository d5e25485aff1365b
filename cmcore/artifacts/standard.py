"""The standard artifact types. Their ML-Metadata names are those that TFX-style readers look for."""

from __future__ import annotations

from pathlib import Path

from cmcore.artifacts.artifact import Artifact
from cmcore.errors import StorageError


class Files(Artifact, system_type="DATASET"):
    """Plain files as somebody else wrote them: what an importer brings in."""


class DataVersion(Files):
    """One version of a dataset, as `cm data snapshot` numbers it; `span` is -1 where it has none."""

    dataset: str = ""
    version: int = 0
    span: int = -1


class Examples(Artifact, system_type="DATASET"):
    """Rows for training and evaluation, one folder `Split-<name>` per split."""

    span: int = 0
    version: int = 0
    splits: list[str] = []

    def split(self, name: str) -> Path:
        """The folder of one split; raises StorageError naming the splits that exist."""
        if name not in self.splits:
            raise StorageError(f"no split {name!r} at {self.uri}; splits: {', '.join(self.splits) or 'none'}")
        return self.path / f"Split-{name}"


class Schema(Artifact):
    """What the data must look like: types, domains, presence, ranges."""


class Statistics(Artifact, type_name="ExampleStatistics", system_type="STATISTICS"):
    """Descriptive statistics of examples, by split and span."""

    span: int = 0
    splits: list[str] = []


class Anomalies(Artifact, type_name="ExampleAnomalies"):
    """Where data departs from its schema, or from what it was."""

    count: int = 0
    blocking: bool = False


class TransformGraph(Artifact):
    """A fitted feature transformation."""


class Model(Artifact, system_type="MODEL"):
    """A trained model in MLflow's model layout."""

    framework: str = ""
    flavors: list[str] = []


class Evaluation(Artifact, type_name="ModelEvaluation", system_type="METRICS"):
    """Metrics of a model with their intervals, by slice: `model` and `baseline_model` are payload digests."""

    model: str = ""
    baseline_model: str = ""


class Blessing(Artifact, type_name="ModelBlessing"):
    """The verdict of an evaluation: `current_model` and `baseline_model` are payload digests."""

    blessed: bool = False
    current_model: str = ""
    baseline_model: str = ""


class InfraBlessing(Artifact):
    """The verdict of loading and asking a model in a server like production's; `conditions` is a digest of how."""

    blessed: bool = False
    model: str = ""
    conditions: str = ""


class Predictions(Artifact, type_name="InferenceResult", system_type="DATASET"):
    """A model's answers for many rows."""


class PushedModel(Artifact, system_type="MODEL"):
    """A model as it was delivered to a destination."""

    destination: str = ""
    version: str = ""


class RegisteredModel(Artifact, system_type="MODEL"):
    """A model as it stands in the registry: `version` is MAJOR.MINOR.PIPELINE, `of` the model's payload digest."""

    model: str = ""
    version: str = ""
    of: str = ""


class TrackedFiles(Artifact):
    """Images, tables, texts and files that an attempt tracked; `attempt.tracked` events say what each of them is."""
