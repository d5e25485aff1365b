"""Documents and candidates for tests of the store and the controller."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cmcore.serving.backend import Placement
from cmcore.serving.decision import Advance, MoveTraffic, Step
from cmcore.serving.document import Draining, Endpoint, InferenceConfig, Variant, WarmUp
from cmcore.serving.store import Candidate
from cmcore.serving.values import ServedVersion
from cmcore.testing.serving_models import TinyModels

BACKEND = "memory"
AT_ONCE = Draining(quiet_s=0, timeout_s=0)


class Clock:
    """A clock that goes on by a second with every look."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def document(*models: str, name: str = "tiny", description: str = "") -> Endpoint:
    """An endpoint whose first variant has all the traffic."""
    variants = [
        Variant(name=f"v{index}" if index else "main", model=model, share=0 if index else 100)
        for index, model in enumerate(models or ("tiny@1.0.0",))
    ]
    return Endpoint(name=name, backend=BACKEND, variants=tuple(variants), draining=AT_ONCE, description=description)


def placed(folder: Path, version: str = "1.0.0", **told: object) -> Placement:
    """The placement of a tiny model; `told` is for its `tiny.json`."""
    placement = TinyModels(folder=folder).doubling(f"model-{version}", **told)  # type: ignore[arg-type] # JSON by the caller
    return placement.model_copy(update={"inference": InferenceConfig(warm_up=WarmUp(requests=1))})


def candidate(folder: Path, version: str = "1.0.0", *, variant: str = "main", **told: object) -> Candidate:
    """A version as a variant means it."""
    return Candidate(
        variant=variant,
        version=ServedVersion(reference=f"tiny@{version}", artifact="", digest=f"sha256:{version}"),
        backend=BACKEND,
        placement=placed(folder, version, **told),
        identity=f"identity of {version} {sorted(told)}",
    )


def told(steps: Iterable[Step | None]) -> list[str]:
    """Steps in words, without the waits."""
    done = [step for step in steps if isinstance(step, Advance | MoveTraffic)]
    return [step.change.value if isinstance(step, Advance) else "traffic moved" for step in done]
