"""MLflow's own page of one of our runs, in a browser: it leads back to our lineage and shows the nodes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cmcore.testing.tracker import PlainMemory, numbered, run_events
from cmcore_mlflow.tracker import mlflow_tracker
from tests.integration.tracking.mlflow_server import MlflowServer

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(300)]

CHROMIUM = Path("/usr/bin/chromium")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
RUN = "seen-in-a-browser"


@pytest.fixture
def links(server: MlflowServer, tmp_path: Path) -> dict[str, str]:
    """The pages of a run and of its node, by the tracker's own links."""
    tracker = mlflow_tracker(PlainMemory(), tmp_path, uri=server.uri)
    tracker.deliver(numbered(run_events(RUN)))
    return {name: tracker.link(RUN, name) for name in ("", "train")}


@pytest.fixture
def page() -> Iterator[Page]:
    """A browser's page."""
    if not CHROMIUM.exists():
        pytest.skip("no browser here: apt-get install chromium")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=QUIET)
        yield browser.new_page(viewport={"width": 1400, "height": 1500})
        browser.close()


def test_the_page_of_a_node_shows_its_ml_metadata_id(page: Page, links: dict[str, str]) -> None:
    page.goto(links["train"])
    page.get_by_text("cmcore.mlmd.execution_id").first.wait_for(timeout=60_000)
    assert page.get_by_text(f"{RUN}/train/1").count() >= 1


def test_the_page_of_a_run_shows_its_commit_and_its_metrics(page: Page, links: dict[str, str]) -> None:
    page.goto(links[""])
    page.get_by_text("train/auc").first.wait_for(timeout=60_000)
    assert page.get_by_text("c0ffee").count() >= 1
