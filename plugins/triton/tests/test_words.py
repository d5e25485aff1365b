"""What Triton says, in cmcore's words: reasons, metrics, statistics."""

from __future__ import annotations

import pytest

from cmcore.serving.backend import ServedState, Traffic
from cmcore_triton.control import Entry, reason_of
from cmcore_triton.metrics import by_model, with_metrics

REASONS = {
    "load failed for model 'm': version 1 is at UNAVAILABLE state: Internal: RuntimeError: no weights\n\nAt:\n"
    "  /models/m/1/model.py(3): <module>\n;\n": "RuntimeError: no weights",
    "load failed for model 'm': version 1 is at UNAVAILABLE state: Internal: Stub process 'm_0_0' is not healthy.;\n": (
        "Stub process 'm_0_0' is not healthy."
    ),
    "failed to load 'm', failed to poll from model repository": (
        "failed to load 'm', failed to poll from model repository"
    ),
    "Internal: KeyError: 'x'": "KeyError: 'x'",
    "": "",
}
METRICS = """# HELP nv_inference_pending_request_count Instantaneous number of pending requests
# TYPE nv_inference_pending_request_count gauge
nv_inference_pending_request_count{model="a",version="1"} 3
nv_inference_pending_request_count{version="2",model="a"} 2
nv_inference_pending_request_count{model="b",version="1"} 0
cmcore_failed_requests{model="b",version="1"} 4
nv_cpu_utilization 0.5
"""


@pytest.mark.parametrize("text", list(REASONS), ids=range(len(REASONS)))
def test_a_reason_is_the_error_itself(text: str) -> None:
    assert reason_of(text) == REASONS[text]


def test_waiting_requests_are_summed_over_versions() -> None:
    assert by_model(METRICS, "nv_inference_pending_request_count") == {"a": 5, "b": 0}


def test_requests_that_the_adapter_answered_with_an_error_have_failed() -> None:
    found = with_metrics({"a": Traffic(answered=9), "b": Traffic(answered=9, failed=1)}, METRICS)
    assert found == {"a": Traffic(answered=9, pending=5), "b": Traffic(answered=5, failed=5)}


@pytest.mark.parametrize(
    ("state", "reason", "shown"),
    [
        ("READY", "", (ServedState.READY, "")),
        ("LOADING", "", (ServedState.LOADING, "")),
        ("UNLOADING", "", (ServedState.UNAVAILABLE, "unloading")),
        ("UNAVAILABLE", "unloaded", (ServedState.UNAVAILABLE, "unloaded")),
        ("", "", (ServedState.UNAVAILABLE, "not loaded")),
    ],
)
def test_an_entry_of_the_index_is_a_served_model(state: str, reason: str, shown: tuple[ServedState, str]) -> None:
    found = Entry("m", state, reason).served()
    assert (found.state, found.reason) == shown
