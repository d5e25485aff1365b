"""What MLflow's answers mean for a delivery: tried again, or never again."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cmcore.errors import TrackerError
from cmcore.testing.tracker import PlainMemory, numbered, run_events
from cmcore_mlflow.tracker import MlflowTracker, mlflow_tracker

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]  # MLflow's own warnings


class Answering(ThreadingHTTPServer):
    """Answers everything alike."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status, self.body, self.asked = 200, "", 0
        self.authorization: str | None = ""


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Answering

    def do_GET(self) -> None:
        """Answer as the server is told."""
        self.server.asked += 1
        self.server.authorization = self.headers["Authorization"]
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(self.server.body.encode())

    do_POST = do_GET  # noqa: N815 # the standard library wants it

    def log_message(self, format: str, *_: object) -> None:  # noqa: A002 # the standard library's name
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Answering]:
    found = Answering()
    threading.Thread(target=found.serve_forever, daemon=True).start()
    yield found
    found.shutdown()
    found.server_close()


@pytest.fixture
def tracker(server: Answering, tmp_path: Path) -> MlflowTracker:
    return mlflow_tracker(
        PlainMemory(), tmp_path, uri=f"http://127.0.0.1:{server.server_port}", token="${secret:mlflow}"
    )


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CM_SECRET_MLFLOW", "hunter2-canary")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, "who are you"), (403, "not you"), (404, "<html>another server</html>"), (408, "late"), (409, "busy"),
        (429, "slowly"), (500, "oh"), (502, "gateway"), (503, "in a moment"), (400, "<html>a proxy</html>"),
        (200, "<html>a login page</html>"),
        (500, json.dumps({"error_code": "INTERNAL_ERROR", "message": "oh"})),
        (503, json.dumps({"error_code": "TEMPORARILY_UNAVAILABLE", "message": "the database is down"})),
        (404, json.dumps({"error_code": "ENDPOINT_NOT_FOUND", "message": "too old"})),
    ],
)  # fmt: skip
def test_what_may_pass_is_tried_again(tracker: MlflowTracker, server: Answering, status: int, body: str) -> None:
    server.status, server.body = status, body
    with pytest.raises(TrackerError, match="cannot be used now"):
        tracker.deliver(numbered(run_events()))


@pytest.mark.parametrize("code", ["INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST"])
def test_what_can_never_succeed_is_said(tracker: MlflowTracker, server: Answering, code: str) -> None:
    server.status, server.body = 400, json.dumps({"error_code": code, "message": "no"})
    with pytest.raises(Exception, match="no") as caught:
        tracker.deliver(numbered(run_events()))
    assert not isinstance(caught.value, TrackerError)


def test_mlflow_itself_does_not_try_again(tracker: MlflowTracker, server: Answering) -> None:
    server.status = 503
    with pytest.raises(TrackerError):
        tracker.deliver(numbered(run_events()))
    assert server.asked == 1


def test_the_token_goes_to_the_server(tracker: MlflowTracker, server: Answering) -> None:
    server.status = 503
    with pytest.raises(TrackerError):
        tracker.deliver(numbered(run_events()))
    assert server.authorization == "Bearer hunter2-canary"


def test_the_token_is_in_no_message(tracker: MlflowTracker, server: Answering) -> None:
    server.status = 401
    with pytest.raises(TrackerError) as caught:
        tracker.deliver(numbered(run_events()))
    assert "hunter2-canary" not in str(caught.value)


def test_a_server_that_does_not_answer_is_given_up_in_time(tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as silent:
        uri = f"http://127.0.0.1:{silent.server_port}"
        with pytest.raises(TrackerError, match=r"(?i)timed out"):
            mlflow_tracker(PlainMemory(), tmp_path, uri=uri, timeout_s=1).deliver(numbered(run_events()))
