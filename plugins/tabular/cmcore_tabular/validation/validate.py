"""ExampleValidator: statistics against a schema, serving data and an earlier time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from cmcore import Context
from cmcore.artifacts import Anomalies, Schema, Statistics
from cmcore_tabular.documents import write_json
from cmcore_tabular.errors import TabularError
from cmcore_tabular.schema.document import SchemaDocument
from cmcore_tabular.statistics.document import StatisticsDocument
from cmcore_tabular.validation.anomalies import Anomaly, AnomalyName, Severity, judge, schema_findings
from cmcore_tabular.validation.comparisons import Thresholds, drift_comparisons, skew_comparisons

ANOMALIES_FILE = "anomalies.json"


def example_validator(
    *,
    statistics: Statistics,
    schema: Schema,
    baseline: Statistics | None,
    serving: Statistics | None,
    anomalies: Anomalies,
    train_split: str,
    skew_threshold: float,
    drift_threshold: float,
    thresholds: Mapping[str, float],
    ignore: Sequence[str],
    blocking: Sequence[str],
    fail: bool,
    context: Context,
) -> dict[str, object]:
    """List every anomaly with what was expected and found; fail only where told to."""
    if unknown := sorted(set(blocking) - set(AnomalyName)):
        raise TabularError(f"blocking: no anomaly is called {', '.join(unknown)}; names: {', '.join(AnomalyName)}")
    document = StatisticsDocument.read(statistics.path)
    if train_split not in document.splits:
        raise TabularError(f"no split {train_split!r} in these statistics; splits: {', '.join(document.splits)}")
    allowed = Thresholds(skew=skew_threshold, drift=drift_threshold, columns=dict(thresholds), ignore=tuple(ignore))
    comparisons = [
        *skew_comparisons(document, _read(serving), train_split, allowed),
        *drift_comparisons(document, _read(baseline), train_split, allowed),
    ]
    demands = SchemaDocument.read(schema.path)
    findings = [
        finding for name, split in document.splits.items()
        for finding in schema_findings(demands, split.total, f"split {name}")
    ]  # fmt: skip
    findings += [finding for comparison in comparisons if (finding := comparison.finding())]
    found = [judge(finding, frozenset(blocking)) for finding in findings]
    errors = [anomaly for anomaly in found if anomaly.severity is Severity.ERROR]
    write_json(
        anomalies.path / ANOMALIES_FILE,
        {"anomalies": [each.model_dump(mode="json") for each in found],
         "comparisons": [each.model_dump(mode="json") for each in comparisons]},
    )  # fmt: skip
    anomalies.count, anomalies.blocking = len(found), bool(errors)
    context.log(_summary(found))
    if errors and fail:
        raise TabularError("the data does not fit its schema:\n" + "\n".join(map(_line, errors)))
    return {"count": len(found)}


def _read(statistics: Statistics | None) -> StatisticsDocument | None:
    return StatisticsDocument.read(statistics.path) if statistics else None


def _line(anomaly: Anomaly) -> str:
    column = f" {anomaly.column}" if anomaly.column else ""
    return f"  {anomaly.name}{column} ({anomaly.rows}): expected {anomaly.expected}, found {anomaly.found}"


def _summary(found: Sequence[Anomaly]) -> str:
    if not found:
        return "no anomalies"
    names = Counter(f"{anomaly.name} ({anomaly.severity})" for anomaly in found)
    return f"{len(found)} anomalies: " + ", ".join(f"{count} x {name}" for name, count in sorted(names.items()))
