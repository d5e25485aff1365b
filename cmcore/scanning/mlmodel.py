"""The `MLmodel` file of a folder in MLflow's layout: which module loads the model, and which files it names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from cmcore.document.text import SIZE_MAX_BYTES, parse
from cmcore.errors import DocumentError
from cmcore.scanning.finding import Danger, Peril
from cmcore.scanning.names import hostile_name
from cmcore.scanning.source import Source

FILE_NAME = "MLmodel"
LOADERS = {
    "mlflow.onnx", "mlflow.sklearn", "mlflow.xgboost", "mlflow.lightgbm", "mlflow.catboost", "mlflow.tensorflow",
    "mlflow.keras", "mlflow.pytorch", "mlflow.transformers", "mlflow.spark", "mlflow.statsmodels", "mlflow.prophet",
}  # fmt: skip
CODE_KEYS = ("code", "model_code_path", "loader_path")
PATH_KEYS = {*CODE_KEYS, "data", "pickled_model", "model_path", "model_data", "python_model", "path", "env", "conda"}


def perils(source: Source) -> Iterator[Peril]:
    """What loading by this file would import beside MLflow itself, and files outside the folder that it names."""
    try:
        document = parse(source.read(0, SIZE_MAX_BYTES + 1), file=FILE_NAME).value
    except DocumentError as error:
        yield Peril(danger=Danger.HOSTILE, what=f"an MLmodel file that cannot be read: {error.problems[0].message}")
        return
    flavors = document.get("flavors")
    for name, flavor in flavors.items() if isinstance(flavors, dict) else ():
        if isinstance(flavor, dict):
            yield from _of_flavor(name, flavor)


def _of_flavor(name: str, flavor: Mapping[str, JsonValue]) -> Iterator[Peril]:
    loader = flavor.get("loader_module")
    if loader is not None and loader not in LOADERS:
        yield Peril(danger=Danger.CODE, what=f"flavour {name!r} is loaded by importing {str(loader)[:200]!r}")
    for key in CODE_KEYS:
        if flavor.get(key):
            yield Peril(danger=Danger.CODE, what=f"flavour {name!r} brings code: {key}: {str(flavor[key])[:200]!r}")
    for key, path in _paths(dict(flavor)):
        if hostile_name(path) and path:
            yield Peril(
                danger=Danger.HOSTILE, what=f"flavour {name!r} names {path[:200]!r} ({key}), outside the folder"
            )


def _paths(value: JsonValue, key: str = "") -> Iterator[tuple[str, str]]:
    """Texts that name files, with their keys."""
    match value:
        case str() if key in PATH_KEYS or ".." in value.replace("\\", "/").split("/"):
            yield key, value
        case dict():
            for inner, item in value.items():
                yield from _paths(item, inner)
        case list():
            for item in value:
                yield from _paths(item, key)
