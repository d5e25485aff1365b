"""Measures a model on a sandbox's server: every setup in turn, under every concurrency. What follows is `choice`'s."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cmcore.errors import InferenceError, ModelRefusedError, ServingError
from cmcore.inference.answer import faults
from cmcore.inference.request import InferenceRequest
from cmcore.inference.sample import recorded_rows
from cmcore.sandbox.grid import Profile, Reading, Setup
from cmcore.sandbox.load import measure
from cmcore.sandbox.questions import questions
from cmcore.sandbox.sandbox import Sandbox
from cmcore.serving.backend import Flavor, Placement
from cmcore.serving.document import DeploymentConfig, InferenceConfig, WarmUp
from cmcore.serving.placing import placement_of

DIFFERENT = 64  # bodies that are sent in turn
WARM_UP_SHARE = 0.25
OWNER = {"endpoint": "profile"}

Listen = Callable[[int, int, str], None]
"""Told how many of how many readings are done, and which one is next."""


def nobody(done: int, total: int, what: str) -> None:
    """Listens to nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The model that is measured: its folder, and its configs but for what a setup changes."""

    folder: Path
    flavors: Sequence[Flavor]
    deployment: DeploymentConfig = field(default_factory=DeploymentConfig)
    inference: InferenceConfig = field(default_factory=InferenceConfig)

    def placed(self, setup: Setup) -> Placement:
        """The model in a setup, under a name of its own, its response cache off: equal requests come again here."""
        name = f"profile-{setup.instances}-{setup.batch_size}"
        inference = setup.inference(self.inference).model_copy(update={"response_cache": False})
        return placement_of(name, self.folder, setup.deployment(self.deployment), inference, self.flavors, OWNER)

    def bodies(self, placement: Placement, rows: int) -> list[bytes]:
        """What is asked, in JSON: the recorded rows of the model, else generated ones."""
        return [json.dumps(request.document()).encode() for request in self.requests(placement, rows, DIFFERENT)]

    def requests(self, placement: Placement, rows: int, count: int) -> list[InferenceRequest]:
        """So many requests of so many rows."""
        asked = WarmUp(batch_sizes=(rows,), source=self.inference.warm_up.source)
        return list(questions(placement.interface, recorded_rows(self.folder), asked, count))


def profile(
    server: Sandbox,
    subject: Subject,
    setups: Sequence[Setup],
    concurrencies: Sequence[int],
    *,
    seconds: float,
    rows: int = 1,
    listen: Listen = nobody,
) -> Profile:
    """Every setup under every concurrency, `seconds` each; a setup that the server or the model refuses has its reason.

    Raises ServingError where the server is to blame, UsageError where the model cannot be served at all.
    """
    readings, refused = list[Reading](), dict[Setup, str]()
    total = len(setups) * len(concurrencies)
    for number, setup in enumerate(setups):
        listen(number * len(concurrencies), total, str(setup))
        placement = subject.placed(setup)
        try:
            load_and_try(server, placement, subject.requests(placement, rows, 1))
            for place, concurrency in enumerate(concurrencies):
                listen(number * len(concurrencies) + place, total, f"{setup}, {concurrency} at once")
                readings.append(reading(server, subject, placement, setup, concurrency, seconds=seconds, rows=rows))
        except (ModelRefusedError, InferenceError) as error:
            refused[setup] = str(error)
        except ServingError as error:
            if not server.recovers():
                raise
            refused[setup] = f"the server stopped answering, and without the model it does: {error}"
        put_away(server, placement, anew=setup in refused)
    listen(total, total, "")
    return Profile(readings=tuple(readings), refused=refused)


def load_and_try(server: Sandbox, placement: Placement, requests: Sequence[InferenceRequest]) -> None:
    """Load it and look at its first answers; raises ModelRefusedError for a bad one: failing fast is not being fast."""
    server.backend.place(placement)
    server.backend.load(placement.name)
    for request in requests:
        limit = placement.inference.warm_up.timeout_s
        answer = server.backend.infer(placement.name, request, timeout_s=limit)
        if wrong := faults(answer, request, placement.interface):
            raise ModelRefusedError(f"its answers are no good: {'; '.join(wrong)}")


def reading(
    server: Sandbox,
    subject: Subject,
    placement: Placement,
    setup: Setup,
    concurrency: int,
    *,
    seconds: float,
    rows: int,
) -> Reading:
    """One setup under one concurrency, after a warm-up that is not counted."""
    load = measure(
        server.backend.address(placement.name),
        subject.bodies(placement, rows),
        concurrency=concurrency,
        seconds=seconds,
        warm_up_s=seconds * WARM_UP_SHARE,
        timeout_s=placement.inference.warm_up.timeout_s,
    )
    return Reading.of(setup, concurrency, load)


def put_away(server: Sandbox, placement: Placement, *, anew: bool) -> None:
    """Take the model from the server. A private one is started `anew` instead: a model that hangs may not be let go of.

    Raises ServingError where the server is no more.
    """
    if anew and server.private:
        server.backend.stop()
        server.start()
    else:
        server.backend.unload(placement.name)
    server.backend.remove(placement.name)
