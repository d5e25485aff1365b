"""One project with a Triton server for all tests that share it, one for each that changes the server, and processes."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.serving.shop import FACTORS, Shop, closed, shop_in


@pytest.fixture(scope="session")
def shared_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    shop = shop_in(tmp_path_factory.mktemp("serving") / "shop", *FACTORS)
    assert shop.cm("deploy", shop.document("always")).code == 0  # so that the server goes on between tests
    yield shop
    closed(shop)


@pytest.fixture
def shop(shared_shop: Shop, capsys: pytest.CaptureFixture[str]) -> Shop:
    """The shared project: each test has an endpoint of its own in it."""
    return replace(shared_shop, said=lambda: tuple(capsys.readouterr()))


@pytest.fixture
def own_shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Shop]:
    """A project for one test alone."""
    shop = shop_in(tmp_path / "shop", *FACTORS[:2])
    yield replace(shop, said=lambda: tuple(capsys.readouterr()))
    closed(shop)


@pytest.fixture
def spawned() -> Iterator[Callable[[subprocess.Popen[str]], subprocess.Popen[str]]]:
    """Processes that are killed at the end if a test leaves them."""
    processes: list[subprocess.Popen[str]] = []

    def keep(process: subprocess.Popen[str]) -> subprocess.Popen[str]:
        processes.append(process)
        return process

    yield keep
    for process in processes:
        process.kill()
        process.communicate()
