"""Facts of a model whose bytes are in a project, as guarded environments demand them."""

from __future__ import annotations

from cmcore import Project
from cmcore.address import Address
from cmcore.registry.facts import VersionFacts
from cmcore.testing.records import RUN, publish


def recorded(project: Project, known: VersionFacts) -> VersionFacts:
    """The facts of a model that the project has the bytes of."""
    project.lineage.open_run(RUN)
    execution = f"r1/{known.origin.run}/1"
    output = project.payloads.output(Address.parse(execution), "model")
    (output.path / "weights.json").write_text(known.digest)
    model = publish(project.lineage, execution, output={"uri": output.uri, "digest": output.seal().digest})
    return known.model_copy(update={"digest": model.digest, "uri": model.uri, "artifact": model.name})
