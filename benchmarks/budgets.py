"""What the measurements mean: each beside its budget. Pure; how it is shown is `report`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.batch import BatchFigures
from benchmarks.process import Usage
from benchmarks.registry import VERSIONS
from benchmarks.serving.figures import ServingFigures
from benchmarks.serving.peers.comparison import BY_HAND, OURS, Speeds
from benchmarks.suite import NO_OPS, SLOPE, Measurements

SLEEP_S = 2.5  # 40 nodes of half a second, eight at a time
REGISTRY = (  # what it is called, our operation, MLflow's: its versions have no metrics, so a tag is the nearest
    ("register a version", "register", "register"),
    ("version by alias", "alias", "alias"),
    (f"100 of {VERSIONS} by text", "band", "band"),
    (f"100 of {VERSIONS} by metric", "metric", "band"),
    (f"read all {VERSIONS}", "everything", "everything"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure, the most that it may be (None: it has no budget), and what it is made of."""

    what: str
    measured: float
    unit: str
    budget: float | None = None
    beside: str = ""

    @property
    def verdict(self) -> str:
        """Whether the budget is kept."""
        if self.budget is None:
            return ""
        return "ok" if self.measured <= self.budget else "over"


def rows(found: Measurements) -> list[Row]:
    """All figures."""
    return [
        *start_up_rows(found), *node_rows(found), *whole_rows(found), *registry_rows(found), *batch_rows(found.batch),
        *update_rows(found.serving), *server_rows(found.serving.servers),
    ]  # fmt: skip


def start_up_rows(found: Measurements) -> list[Row]:
    """Start-up as ratios of CPU times, and the heavy libraries that it loads."""
    return [
        ratio(found, "cmcore", "pydantic", "import cmcore", 1.5),
        ratio(found, "decorators", "pydantic", "from cmcore import component, pipeline", None),
        ratio(found, "cm --help", "empty CLI", "cm --help", 2.5),
        heavy(found, "cmcore", "import cmcore"),
        heavy(found, "cm --help", "cm --help"),
    ]


def ratio(found: Measurements, name: str, peer: str, what: str, budget: float | None) -> Row:
    """The CPU time of one start as a multiple of another's."""
    ours, theirs = (median(found.start_up[it].cpu_s) for it in (name, peer))
    beside = f"{ours * 1000:.0f} ms; {peer} {theirs * 1000:.0f} ms"
    return Row(what=f"{what}, CPU time", measured=ours / theirs, unit=f"x {peer}", budget=budget, beside=beside)


def heavy(found: Measurements, name: str, what: str) -> Row:
    """How many heavy libraries a start loads."""
    loaded = found.start_up[name].heavy
    return Row(what=f"{what}, heavy libraries", measured=len(loaded), unit="", budget=0, beside=", ".join(loaded))


def node_rows(found: Measurements) -> list[Row]:
    """The cost of one more node beside the floor of the same run."""
    ours, floor, bare = (slope_ms(found, name) for name in ("chain", "floor", "bare loop"))
    return [
        Row(what="one more node", measured=ours / floor, unit="x floor", budget=2.0, beside=f"{ours:.2f} ms"),
        Row(what="one more node", measured=ours, unit="ms", budget=5.0),
        Row(what="floor: two ML-Metadata writes, one synced file", measured=floor, unit="ms"),
        Row(what="bare loop: the writes, a worker, digest, rename, no sync", measured=bare, unit="ms"),
    ]


def slope_ms(found: Measurements, name: str) -> float:
    """What one more component costs, from medians of whole processes."""
    few, many = SLOPE
    taken = [median_wall_s(found.runs[f"{name} {count}"]) for count in SLOPE]
    return (taken[1] - taken[0]) / (many - few) * 1000


def whole_rows(found: Measurements) -> list[Row]:
    """Whole processes beside their budgets."""
    imports = median_wall_s(found.runs["imports"])
    apart = f"imports alone {imports:.2f} s"
    start_s = median_wall_s(found.runs["chain 1"])
    writes = f"{apart}; the floor of {NO_OPS.nodes} nodes {slope_ms(found, 'floor') * NO_OPS.nodes / 1000:.1f} s"
    sleep_budget_s = SLEEP_S * 1.15 + start_s
    sleeping = f"15 % over {SLEEP_S} s, and {start_s:.2f} s for a chain of 1"
    return [
        seconds(found, "cached re-run 50", 1.0, apart),
        seconds(found, "no-ops 1000", 6.0, writes),
        Row(what="no-ops 1000, all processes' memory", measured=found.no_ops_memory_mib, unit="MiB", budget=300),
        seconds(found, "sleepers 40", sleep_budget_s, sleeping),
        *(seconds(found, name, None, "") for name in ("chain 1", "chain 10", "chain 50", "chain 200", "fan-out 40")),
    ]


def seconds(found: Measurements, name: str, budget: float | None, beside: str) -> Row:
    """A whole process's median time."""
    taken = found.runs[name]
    rss = f"largest process {max(usage.rss_mib for usage in taken):.0f} MiB"
    return Row(
        what=name, measured=median_wall_s(taken), unit="s", budget=budget, beside="; ".join(filter(None, (beside, rss)))
    )


def median_wall_s(taken: Sequence[Usage]) -> float:
    """The median wall time of some processes."""
    return median(usage.wall_s for usage in taken)


def registry_rows(found: Measurements) -> list[Row]:
    """Each operation of the model registry as a multiple of MLflow's time on the same kind of database."""
    databases = dict.fromkeys(name.split()[0] for name in found.registries)
    return [
        registry_row(
            found.registries[f"{database} cmcore"][ours], found.registries[f"{database} mlflow"][theirs], what, database
        )
        for database in databases
        for what, ours, theirs in REGISTRY
    ]


def registry_row(ours: Sequence[float], theirs: Sequence[float], what: str, database: str) -> Row:
    """One operation; it may not be slower."""
    ours_ms, theirs_ms = median(ours), median(theirs)
    beside = f"{ours_ms:.2f} ms; MLflow {theirs_ms:.2f} ms"
    return Row(
        what=f"registry on {database}, {what}", measured=ours_ms / theirs_ms, unit="x MLflow", budget=1.0, beside=beside
    )


def batch_rows(batch: BatchFigures) -> list[Row]:
    """Batch prediction beside a bare loop, and its memory as rows double."""
    rates = f"{batch.rows_per_second('1 workers'):,.0f} rows/s; {batch.rows_per_second('plain loop'):,.0f} of the loop"
    two = f"{batch.rows_per_second('2 workers'):,.0f} rows/s"
    peaks = ", ".join(f"{mib:.0f} MiB at {times}x" for times, mib in batch.peak_mib.items())
    ours, loop = batch.cpu_s("1 workers"), batch.cpu_s("plain loop")
    return [
        Row(what="batch prediction, 1 worker, CPU time", measured=ours / loop, unit="x plain loop", beside=rates),
        Row(
            what="batch prediction, 2 workers, CPU time", measured=batch.cpu_s("2 workers") / loop, unit="x plain loop",
            beside=two,
        ),
        Row(
            what="batch prediction, memory of 4x the rows", measured=batch.peak_mib[4] / batch.peak_mib[1], unit="x",
            budget=1.15, beside=peaks,
        ),
    ]  # fmt: skip


def update_rows(serving: ServingFigures) -> list[Row]:
    """Updates under load, whose failed requests must be none, and what clients saw of a server that dies."""
    rows = [
        row
        for backend, found in serving.updates.items()
        for row in (
            Row(
                what=f"{found.updates} updates on {backend}, failed requests", measured=found.failed, unit="", budget=0,
                beside=f"of {found.requests:,}; a version has the traffic {found.moved_s:.2f} s after it is wanted",
            ),
            Row(
                what=f"{found.updates} updates on {backend}, p99", measured=found.during_p99_ms, unit="ms",
                beside=f"at rest {found.rest_p99_ms:.2f} ms; the worst {found.worst_ms:.0f} ms",
            ),
        )
    ]  # fmt: skip
    deaths = serving.deaths
    told = ", ".join(f"{count:,} {kind}" for kind, count in deaths.failures.items()) or "none"
    return [
        *rows,
        Row(
            what=f"Triton killed {deaths.deaths} times, back after", measured=deaths.back_s, unit="s",
            beside=f"at most {deaths.longest_s:.1f} s; of {deaths.requests:,} requests failed: {told}",
        ),
    ]  # fmt: skip


def server_rows(servers: Speeds) -> list[Row]:
    """One row of the flights model: answers per second of each server as a multiple of hand-written Triton's."""
    return [
        Row(
            what=f"serving, {concurrency} at once, {name}",
            measured=speed.rps / servers[BY_HAND][concurrency].rps,
            unit="x Triton by hand",
            beside=f"{speed.rps:,.0f}/s, p50 {speed.p50_ms:.2f} ms, p99 {speed.p99_ms:.2f} ms",
        )
        for concurrency in servers[OURS]
        for name, speeds in servers.items()
        for speed in [speeds[concurrency]]
    ]
