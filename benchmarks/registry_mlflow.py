"""MLflow's model registry as a side of the comparison: its SQLAlchemy store in process, so that no HTTP is counted."""

from __future__ import annotations

import logging
from typing import Any

from mlflow.entities.model_registry import ModelVersionTag
from mlflow.store.model_registry.dbmodels.models import SqlModelVersion, SqlModelVersionTag
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

from benchmarks.registry_versions import ALIAS, MODEL, Sample

PAGE = 1000


class Theirs:
    """A store in a fresh database. Versions have no metrics there, so they are tags, as users write them."""

    def __init__(self, url: str) -> None:
        logging.disable(logging.CRITICAL)
        made: Any = SqlAlchemyStore  # without types, as all of it
        self.store = made(url)

    def fill(self, count: int) -> None:
        """The rows that `create_model_version` writes."""
        self.store.create_registered_model(MODEL)
        samples = [Sample(number=number) for number in range(count)]
        with self.store.ManagedSessionMaker(read_only=False) as session:
            session.add_all(version(sample) for sample in samples)
            session.flush()
            session.add_all(
                SqlModelVersionTag(name=MODEL, version=sample.number + 1, key=key, value=value)
                for sample in samples
                for key, value in [*tags(sample).items(), ("band", sample.band)]
            )
        self.store.set_registered_model_alias(MODEL, ALIAS, str(count))

    def register(self, sample: Sample) -> int:
        made: Any = ModelVersionTag
        own = [made(key, value) for key, value in tags(sample).items()]
        self.store.create_model_version(MODEL, sample.uri, run_id=sample.run, tags=own)
        return 1

    def alias(self) -> int:
        return len([self.store.get_model_version_by_alias(MODEL, ALIAS)])

    def band(self) -> int:
        return self._found(f"name = '{MODEL}' and tags.band = '7'")

    def metric(self) -> int:
        return 0

    def everything(self) -> int:
        return self._found(f"name = '{MODEL}'")

    def _found(self, text: str) -> int:
        page = self.store.search_model_versions(text, max_results=PAGE)
        found = len(page)
        while page.token:
            page = self.store.search_model_versions(text, max_results=PAGE, page_token=page.token)
            found += len(page)
        return found


def version(sample: Sample) -> Any:
    """The row of a version."""
    return SqlModelVersion(
        name=MODEL,
        version=sample.number + 1,
        source=sample.uri,
        storage_location=sample.uri,
        run_id=sample.run,
        last_updated_time=1_800_000_000_000,
    )


def tags(sample: Sample) -> dict[str, str]:
    """Digest and metrics."""
    return {"digest": sample.digest, **{name: str(value) for name, value in sample.metrics.items()}}
