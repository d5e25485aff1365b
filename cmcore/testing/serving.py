"""ServingBackendContract: the tests of every serving backend, for its author to inherit.

The claims are in the modules beside this one; `serving_memory` has the reference implementation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict

import pytest

import cmcore.testing.serving_assertions  # noqa: F401 # being imported first is its work
from cmcore.serving.backend import Protocol, ServingBackend
from cmcore.testing.serving_answers import AnswerClaims
from cmcore.testing.serving_capabilities import CapabilityClaims
from cmcore.testing.serving_lifetime import LifetimeClaims
from cmcore.testing.serving_models import TinyModels
from cmcore.testing.serving_refusals import RefusalClaims
from cmcore.testing.serving_stage import Stage
from cmcore.testing.serving_visits import VisitClaims


class ServingBackendContract(AnswerClaims, RefusalClaims, VisitClaims, LifetimeClaims, CapabilityClaims):
    """What every serving backend keeps to. A subclass gives one fixture:

        class TestMine(ServingBackendContract):
            @pytest.fixture(scope="class")
            @classmethod
            def opened(cls, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], ServingBackend]:
                folder = tmp_path_factory.mktemp("mine")
                return lambda: MyBackend(folder)

    One server is started for the class and stopped at its end; three tiny models stay loaded, about eight more come
    and go. The process that runs them must be able to import `cmcore.testing.tiny_predictors`, or have a copy of that
    file. `infer` is called from several threads. Other fixtures may be given instead of those below.
    """

    @pytest.fixture(scope="class")
    @classmethod
    def opened(cls) -> Callable[[], ServingBackend]:
        """Makes a backend over one and the same folder, which is empty at first, as a new process would."""
        raise NotImplementedError(f"{cls.__name__} must have a fixture opened, of the scope 'class'")

    @pytest.fixture(scope="class")
    @classmethod
    def stoppable(cls) -> bool:
        """Whether `stop` ends the server; False where it is somebody else's."""
        return True

    @pytest.fixture(scope="class")
    @classmethod
    def over_http(cls) -> bool:
        """Whether addresses lead to a server that any client can ask."""
        return True

    @pytest.fixture(scope="class")
    @classmethod
    def lag_s(cls) -> float:
        """How many seconds the server's counters may be behind."""
        return 15.0

    @pytest.fixture(scope="class")
    @classmethod
    def tiny(cls, backend: ServingBackend, tmp_path_factory: pytest.TempPathFactory) -> TinyModels:
        """The models that are placed; a subclass of TinyModels where the server runs no Python."""
        return TinyModels(folder=tmp_path_factory.mktemp("tiny"), batching=backend.capabilities().batching)

    @pytest.fixture(scope="class")
    @classmethod
    def backend(cls, opened: Callable[[], ServingBackend]) -> Iterator[ServingBackend]:
        """A backend whose server answers."""
        backend = opened()
        try:
            backend.start()
            yield backend
        finally:
            backend.stop()
            backend.close()

    @pytest.fixture(scope="class")
    @classmethod
    def stage(
        cls, backend: ServingBackend, opened: Callable[[], ServingBackend], tiny: TinyModels, lag_s: float
    ) -> Iterator[Stage]:
        """That backend with the models that are loaded for all tests."""
        stage = Stage(backend=backend, opened=opened, tiny=tiny, lag_s=lag_s)
        standing = stage.standing()
        for placement in standing:
            stage.load(placement)
        yield stage
        stage.clear(*(placement.name for placement in standing))

    @pytest.fixture
    def offered(self, stage: Stage, protocol: Protocol) -> Stage:
        """The stage, where the backend offers the protocol of the test."""
        if protocol not in stage.backend.capabilities().protocols:
            pytest.skip(f"this backend does not offer {protocol}")
        return stage

    @pytest.fixture
    def by_both(self, stage: Stage) -> Stage:
        """The stage, where the backend offers both protocols."""
        if stage.backend.capabilities().protocols != frozenset(Protocol):
            pytest.skip("this backend offers one protocol only")
        return stage

    @pytest.fixture
    def on_the_wire(self, stage: Stage, over_http: bool) -> Stage:
        """The stage, where addresses lead to a server."""
        if not over_http or Protocol.REST not in stage.backend.capabilities().protocols:
            pytest.skip("this backend's addresses lead to no HTTP server")
        return stage

    @pytest.fixture
    def capable(self, stage: Stage, request: pytest.FixtureRequest) -> Stage:
        """The stage, where the backend claims the capability that the test is about."""
        if not asdict(stage.backend.capabilities())[request.param]:
            pytest.skip(f"this backend does not claim {request.param}")
        return stage
