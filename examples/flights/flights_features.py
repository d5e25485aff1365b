"""What the flights example derives from the raw columns. Expressions only: they end up inside the ONNX model."""

from __future__ import annotations

import math
from collections.abc import Callable

from cmcore_tabular.transform.expressions import Expression, call
from cmcore_tabular.transform.vocabulary import days, weekday

MINUTES_PER_DAY = 1440


def derive(column: Callable[[str], Expression]) -> dict[str, Expression]:
    """The weekday, the scheduled departure as a point on a circle, and the scheduled block time."""
    departure = column("hour") * 60 + column("minute")
    arrival = (column("sched_arr_time") // 100) * 60 + column("sched_arr_time") % 100
    angle = departure * (2 * math.pi / MINUTES_PER_DAY)
    return {
        "weekday": weekday(days(column("year"), column("month"), column("day"))),
        "departure_sin": call("sin", angle),
        "departure_cos": call("cos", angle),
        # Local clocks at both ends, so time zones are in it: about constant per destination, which the trees learn.
        "block_minutes": (arrival - departure) % MINUTES_PER_DAY,
    }
