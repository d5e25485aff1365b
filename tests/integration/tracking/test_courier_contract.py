"""The tracker of the MLflow plugin on a real server with PostgreSQL; and no request of it may be lost or made twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from cmcore.errors import TrackerError
from cmcore.events import Event
from cmcore.testing.tracker import PlainMemory, Seen, TrackerContract, comparable, numbered, run_events
from cmcore.tracking.tracker import Memory, Tracker
from cmcore_mlflow.testing import View
from cmcore_mlflow.tracker import mlflow_tracker
from tests.integration.tracking.mlflow_server import Cutter, MlflowServer, free_port

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]  # MLflow's own warnings


class TestMlflowServer(TrackerContract):
    @pytest.fixture
    def opened(
        self, server: MlflowServer, tmp_path: Path, request: pytest.FixtureRequest
    ) -> Callable[[Memory], Tracker]:
        return lambda memory: mlflow_tracker(memory, tmp_path, uri=server.uri, experiment=request.node.name)

    @pytest.fixture
    def shown(self, server: MlflowServer, request: pytest.FixtureRequest) -> Callable[[str], Sequence[Seen]]:
        return View(server.uri, experiment=request.node.name).shown

    @pytest.fixture
    def unreachable(self, tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[Memory], Tracker]:
        uri = f"http://127.0.0.1:{free_port()}"
        return lambda memory: mlflow_tracker(memory, tmp_path, uri=uri, experiment=request.node.name)


@pytest.fixture
def cutter(server: MlflowServer) -> Iterator[Cutter]:
    """A proxy before the server."""
    found = Cutter(server.port)
    yield found
    found.close()


def deliver_with_one_cut(tracker: Tracker, events: list[Event]) -> bool:
    """Deliver until all is delivered, as a courier would; whether the first try failed."""
    try:
        tracker.deliver(events)
    except TrackerError:
        tracker.deliver(events)
        return True
    return False


@pytest.mark.parametrize("carried_out", [True, False], ids=["answer-lost", "request-lost"])
@pytest.mark.parametrize("cut", range(1, 18))
def test_whichever_request_is_lost_everything_is_there_once(
    server: MlflowServer, cutter: Cutter, tmp_path: Path, cut: int, carried_out: bool
) -> None:
    cutter.cut, cutter.carried_out = cut, carried_out
    name, memory = f"cut-{cut}-{carried_out}", PlainMemory()
    events = numbered(run_events(name))
    assert deliver_with_one_cut(mlflow_tracker(memory, tmp_path, uri=cutter.uri, experiment=name), events)
    whole = f"{name}-whole"
    mlflow_tracker(PlainMemory(), tmp_path, uri=server.uri, experiment=whole).deliver(numbered(run_events(name)))
    found, expected = (comparable(View(server.uri, experiment=it).shown(name)) for it in (name, whole))
    assert without_ids(found) == without_ids(expected)


def without_ids(seen: list[tuple[object, ...]]) -> list[list[object]]:
    """What was seen without what differs from one MLflow run to the next."""
    return [[{**it, "mlflow.parentRunId": ""} if isinstance(it, dict) else it for it in each] for each in seen]
