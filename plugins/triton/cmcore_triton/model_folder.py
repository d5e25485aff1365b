"""The folders of one placement in a repository: who runs the model, its configuration and its files.

An ensemble has one for each part, then its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cmcore.errors import ModelRefusedError
from cmcore.serving.backend import Placement
from cmcore_triton.config import VERSION, Runner, instances_of, model_config, part_name, text_of
from cmcore_triton.given_config import given, merged
from cmcore_triton.payload import served_graph, write_onnx_model, write_python_model, write_tree
from cmcore_triton.repository import Placed, digest_of

CONFIG_FILE = "config.pbtxt"
Write = Callable[[Path], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Runners:
    """What the server offers: the ONNX backend, a response cache; `link` where files need not be copied."""

    onnx: bool = False
    cache: bool = True
    link: bool = True


def model_folders(placement: Placement, runners: Runners) -> Iterator[tuple[Placed, Write]]:
    """What is placed, in order, with the function that writes it; raises ModelRefusedError."""
    if placement.inference.response_cache and not runners.cache:
        raise ModelRefusedError(
            f"{placement.name}: this Triton has no response cache; set response_cache_mib in the stack's options, or "
            "leave it out @ $.inference.response_cache"
        )
    parts = [part_of(placement, index) for index in range(len(placement.steps))]
    for part in parts:
        yield one(part, runners, part_of=placement.name)
    yield one(placement, runners, parts=tuple(part.name for part in parts))


def part_of(placement: Placement, index: int) -> Placement:
    """One model of an ensemble under its name on the server."""
    part = placement.steps[index].placement
    return part.model_copy(update={"name": part_name(placement.name, index), "owner": placement.owner})


def one(
    placement: Placement, runners: Runners, *, part_of: str = "", parts: tuple[str, ...] = ()
) -> tuple[Placed, Write]:
    """One folder."""
    graph = served_graph(placement) if runners.onnx and not parts else None
    runner = Runner.ENSEMBLE if parts else Runner.PYTHON if graph is None else Runner.ONNX
    config = model_config(placement, runner, graph)
    raw = placement.inference.server_config
    if raw:
        config = merged(config, given(raw, placement.folder), placement)
    processes = instances_of(config) if config.backend == Runner.PYTHON else 0
    placed = Placed(
        name=placement.name, owner=placement.owner, digest=digest_of(placement), processes=processes,
        load_timeout_s=placement.inference.load_timeout_s, part_of=part_of, parts=parts,
    )  # fmt: skip

    def write(folder: Path) -> None:
        (folder / VERSION).mkdir()
        (folder / CONFIG_FILE).write_text(text_of(config), encoding="utf-8")
        match config.backend:
            case Runner.PYTHON:
                write_python_model(placement, folder / VERSION, link=runners.link)
            case Runner.ONNX if graph is not None:
                write_onnx_model(placement, folder / VERSION, link=runners.link)
            case "":
                return  # an ensemble has no files
            case _:
                write_tree(placement.folder, folder / VERSION, link=runners.link)

    return placed, write
