"""What Triton's metrics say of models beyond its statistics. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from cmcore.serving.backend import Traffic

WAITING = "nv_inference_pending_request_count"
FAILED = "cmcore_failed_requests"  # the adapter's own
SAMPLE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)\{(.*)\} ([^ ]+)$", re.MULTILINE)
MODEL = re.compile(r'(?:^|,)model="((?:[^"\\]|\\.)*)"')


def by_model(metrics: str, name: str) -> dict[str, int]:
    """The sum of one metric for each model, over versions and instances."""
    found: dict[str, int] = {}
    for metric, labels, value in SAMPLE.findall(metrics):
        if metric == name and (model := MODEL.search(labels)):
            found[model[1]] = found.get(model[1], 0) + int(float(value))
    return found


def with_metrics(statistics: Mapping[str, Traffic], metrics: str) -> dict[str, Traffic]:
    """Traffic with the requests that wait, and with those counted as failed that the adapter has answered so."""
    waiting, failed = by_model(metrics, WAITING), by_model(metrics, FAILED)
    return {
        name: replace(
            traffic,
            answered=max(traffic.answered - failed.get(name, 0), 0),
            failed=traffic.failed + failed.get(name, 0),
            pending=waiting.get(name, 0),
        )
        for name, traffic in statistics.items()
    }
