"""The page: what is on it, and what users wrote stays text."""

from __future__ import annotations

import math
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from cmcore.errors import StorageError
from cmcore.tracking.comparison import compared
from cmcore.tracking.exhibits import IMAGE_BYTES, shown, walls
from cmcore.tracking.page import CHARTS_MAX, html, xy
from cmcore.tracking.parallel import parallel
from cmcore.tracking.values import (
    Series,
    SeriesPoint,
    TrackedArtifact,
    TrackedFile,
    TrackedMetric,
    TrackedNote,
    TrackedParam,
    TrackedRun,
)
from tests.unit.tracking.test_comparison import RUN, metric, param

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{1111111*9}}"
PNG = b"\x89PNG\r\n\x1a\n0000"
VOID = {"meta", "img"}


class Tags(HTMLParser):
    """The tags of a page, which must be balanced; what lies in attributes and between tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        self.open += [tag] if tag not in VOID else []

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data.strip())


def file(what: str = "image", name: str = "roc", *, step: int | None = None, uri: str = "/u") -> TrackedFile:
    media_type = {"image": "image/png", "table": "text/csv"}.get(what, "text/plain")
    return TrackedFile(
        node="train", what=what, name=name, path=f"{name}-{step}", media_type=media_type, step=step, uri=uri, digest="d"
    )


def points(run: str, series: Series) -> list[SeriesPoint]:
    return [SeriesPoint(step=step, at=float(step), value=1 / (step + len(run))) for step in range(5)]


def diverging(run: str, series: Series) -> list[SeriesPoint]:
    return [SeriesPoint(step=step, at=float(step), value=10.0 ** (step * 9)) for step in range(5)]


def two_axes(text: str, value: float) -> TrackedRun:
    return replace(RUN, params=(param("lr", text),), metrics=(metric("auc", value),))


def page(*runs: TrackedRun, content: bytes = PNG) -> Tags:
    text = html(compared(runs, maximise=["auc"]), points=points, read=lambda _: content, now=0.0)
    tags = Tags(text)
    assert tags.open == []
    return tags


def evil_run() -> TrackedRun:
    """A run in which every text that a user may write is an attack."""
    return replace(
        RUN, run=EVIL, pipeline=EVIL, actor=EVIL, state=EVIL, commit=EVIL, command=(EVIL,),
        params=(TrackedParam(node=EVIL, name=EVIL, text=EVIL, layer=EVIL),),
        metrics=(TrackedMetric(node=EVIL, name=EVIL, value=0.5),),
        tags={EVIL: EVIL},
        notes=(TrackedNote(node=EVIL, at=0.0, actor="", text=EVIL),),
        series=(Series(node=EVIL, name=EVIL), Series(node=EVIL, name=EVIL, system=True)),
        files=(file("text", EVIL), file("table", f"t{EVIL}"), file("file", f"f{EVIL}")),
        artifacts=(
            TrackedArtifact(node=EVIL, output=EVIL, name=EVIL, type=EVIL, uri=EVIL, digest=EVIL, imported=True),
        ),
    )  # fmt: skip


def test_what_users_wrote_makes_no_tags() -> None:
    found = page(evil_run(), RUN, content=f"{EVIL},{EVIL}\n{EVIL}".encode())
    tags = {tag for tag, _ in found.seen}
    assert not tags & {"script", "iframe", "object", "link", "a", "form", "img"}


def test_what_users_wrote_makes_no_handlers() -> None:
    found = page(evil_run(), RUN, content=EVIL.encode())
    assert not [name for _, attributes in found.seen for name in attributes if name.startswith("on")]


def test_what_users_wrote_is_no_template() -> None:
    assert not [word for word in page(evil_run()).words if "9999999" in word]


def test_what_users_wrote_is_still_to_be_read() -> None:
    assert EVIL in page(evil_run()).words


def test_the_page_needs_nothing_from_elsewhere() -> None:
    run = replace(RUN, files=(file(),), series=(Series(node="train", name="loss"),))
    places = [attributes.get("src") or attributes.get("href") for _, attributes in page(run, run).seen]
    assert [place for place in places if place] == ["data:image/png;base64,iVBORw0KGgowMDAw"] * 2


def test_the_page_forbids_itself_scripts_and_requests() -> None:
    policies = [attributes["content"] for tag, attributes in page(RUN).seen if "http-equiv" in attributes]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]


def test_differences_and_layers_are_on_the_page() -> None:
    one, other = (replace(RUN, params=(param("lr", text, layer=f"set by {text}"),)) for text in ("0.1", "0.2"))
    assert {"lr", "0.1", "0.2", "set by 0.1", "set by 0.2"} <= set(page(one, other).words)


def test_the_best_is_marked() -> None:
    one, other = (replace(RUN, metrics=(metric("auc", value),)) for value in (0.8, 0.9))
    marked = [
        attributes.get("title") for tag, attributes in page(one, other).seen if "best" in str(attributes.get("class"))
    ]
    assert marked == ["0.9"]


def test_a_series_of_several_runs_is_one_chart() -> None:
    run = replace(RUN, series=(Series(node="train", name="loss"),))
    charts = [attributes for tag, attributes in page(run, run).seen if attributes.get("aria-label") == "train.loss"]
    assert len(charts) == 1


def test_more_charts_than_anybody_looks_at_are_counted_only() -> None:
    run = replace(RUN, series=tuple(Series(node="n", name=f"m{number}") for number in range(CHARTS_MAX + 5)))
    assert "5 more series are not shown." in page(run).words


def test_runs_without_anything_make_a_page() -> None:
    assert "There are none." in page(RUN).words


def test_readings_of_the_machine_lie_on_seconds() -> None:
    readings = [SeriesPoint(step=0, at=at, value=1.0) for at in (100.0, 102.5)]
    assert xy(readings) == [(0.0, 1.0), (2.5, 1.0)]


def test_of_several_steps_the_last_image_is_shown() -> None:
    (wall,) = walls([replace(RUN, files=(file(step=9), file(step=10), file()))], lambda _: PNG)
    assert [exhibit.step for exhibit in wall.exhibits] == [10]


def test_the_same_image_of_several_runs_hangs_together() -> None:
    run = replace(RUN, files=(file(),))
    assert [(wall.name, len(wall.exhibits)) for wall in walls([run, run], lambda _: PNG)] == [("train.roc", 2)]


def test_an_image_that_is_too_large_is_said_to_be() -> None:
    assert "too much for this page" in shown(0, file(), lambda _: b"x" * (IMAGE_BYTES + 1), 10**9).remark


def test_a_full_page_takes_no_more_images() -> None:
    assert "too much for this page" in shown(0, file(), lambda _: PNG, 5).remark


def test_an_image_of_a_type_that_is_none_is_not_shown() -> None:
    evil = replace(file(), media_type="text/html")
    assert shown(0, evil, lambda _: b"<script>", 10**9).image == ""


def unreadable(_: TrackedFile) -> bytes:
    raise StorageError("the payload is gone")


def test_a_file_that_cannot_be_read_says_why() -> None:
    assert shown(0, file(), unreadable, 10**9).remark == "cannot be read: the payload is gone"


def test_a_file_of_a_failed_node_was_not_kept() -> None:
    assert "not kept" in shown(0, file(uri=""), unreadable, 10**9).remark


@pytest.mark.parametrize("content", [b"a,b\n1,2", b"\xff\xfe,x", b'"never closed', b"", b"\0,\r\r\n"])
def test_every_table_is_shown_somehow(content: bytes) -> None:
    assert isinstance(shown(0, file("table"), lambda _: content, 10**9).table, tuple)


def test_of_a_long_table_the_beginning_is_shown() -> None:
    assert len(shown(0, file("table"), lambda _: b"1\n" * 500, 10**9).table) == 22


def test_of_a_long_text_the_beginning_is_shown() -> None:
    assert shown(0, file("text"), lambda _: b"x" * 5000, 10**9).text.endswith("… 1000 more characters")


def test_parallel_coordinates_have_an_axis_for_what_differs() -> None:
    one, other = (
        replace(RUN, params=(param("lr", text), param("kind", text * 2, "n")), metrics=(metric("auc", float(text)),))
        for text in ("0.1", "0.2")
    )
    found = parallel(compared([one, other]))
    assert found is not None
    assert [(axis.name, [tick.text for tick in axis.ticks]) for axis in found.axes] == [
        ("lr", ["0.1", "0.2"]),
        ("n.kind", ["0.10.1", "0.20.2"]),
        ("auc", ["0.1", "0.2"]),
    ]


def test_the_labels_of_the_last_axis_have_as_much_room_as_those_of_the_others() -> None:
    found = parallel(compared([two_axes("0.1", 1.0), two_axes("0.2", 1.1607e61)]))
    assert found is not None
    assert found.width - found.axes[-1].at == found.axes[1].at - found.axes[0].at


def test_an_axis_of_a_metric_that_diverged_is_logarithmic() -> None:
    found = parallel(compared([two_axes(f"{value}", value) for value in (1.0, 100.0, 1e6)]))
    assert found is not None
    assert (found.axes[1].label, found.axes[1].places[1]) == ("metrics, log", 158.0)


def test_axes_that_are_left_out_are_named() -> None:
    runs = [replace(RUN, params=tuple(param(f"p{place}", value) for place in range(8))) for value in "12"]
    found = parallel(compared(runs))
    assert found is not None
    assert ([axis.name for axis in found.axes[-1:]], found.left_out) == (["p5"], ("p6", "p7"))


def test_the_page_says_which_axes_are_left_out() -> None:
    runs = [replace(RUN, params=tuple(param(f"p{place}", value) for place in range(8))) for value in "12"]
    assert "2 more in which the runs differ have no axis: p6, p7" in page(*runs).words


def test_the_page_says_which_charts_are_logarithmic() -> None:
    run = replace(RUN, series=(Series(node="train", name="loss"),))
    text = html(compared([run]), points=diverging, read=lambda _: PNG, now=0.0)
    assert "log scale" in Tags(text).words


def test_the_page_of_many_runs_says_that_tables_go_on_to_the_right() -> None:
    runs = [replace(RUN, run=f"run-{number}", params=(param("a", str(number)),)) for number in range(4)]
    assert "4 runs side by side: where they do not fit, scroll to the right." in page(*runs).words


def test_a_run_without_a_value_has_a_gap_there() -> None:
    one = replace(RUN, params=(param("a", "1"), param("b", "x"), param("c", "3")))
    other = replace(RUN, params=(param("a", "2"), param("c", "4")), metrics=(metric("m", math.nan),))
    found = parallel(compared([one, other]))
    assert found is not None
    assert [path.count("M") for path in found.paths] == [1, 2]


def test_one_run_has_no_parallel_coordinates() -> None:
    assert parallel(compared([replace(RUN, params=(param("a", "1"), param("b", "2")))])) is None
