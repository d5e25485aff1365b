"""The page in a real browser: it draws, it asks for nothing, and what users wrote does nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cmcore.tracking.comparison import compared
from cmcore.tracking.page import html
from tests.unit.tracking.test_comparison import RUN
from tests.unit.tracking.test_page import EVIL, PNG, evil_run, points

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.integration
CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip("no browser here: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def happened() -> list[str]:
    """What the browser said, asked and showed while the page was open."""
    return []


@pytest.fixture
def seen(browser: Browser, happened: list[str], tmp_path: Path) -> Iterator[str]:
    """The text of a page on which every text of a run is an attack."""
    content = f"{EVIL},{EVIL}\n".encode()
    file = tmp_path / "page.html"
    file.write_text(html(compared([evil_run(), RUN]), points=points, read=lambda _: content + PNG, now=0.0))
    page = browser.new_page()
    page.on("console", lambda message: happened.append(message.text))
    page.on("pageerror", lambda error: happened.append(str(error)))
    page.on("dialog", lambda dialog: happened.append(dialog.message))
    page.on("request", lambda request: happened.append(request.url) if request.url != file.as_uri() else None)
    page.goto(file.as_uri())
    for summary in page.locator("summary").all():
        summary.click()
    yield page.inner_text("body")
    page.close()


def test_what_users_wrote_is_shown_and_does_nothing(seen: str, happened: list[str]) -> None:
    assert (EVIL in seen, happened) == (True, [])
