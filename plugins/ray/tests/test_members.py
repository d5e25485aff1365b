"""A model at one replica of a pool: loaded, let go, loaded again. No cluster is needed for that."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cmcore.testing.serving_models import TinyModels
from cmcore_ray.shelf import Shelf
from cmcore_ray.tally import Counter

if TYPE_CHECKING:
    from cmcore_ray.members import Member

Story = Callable[["Member"], Awaitable[object]]


@pytest.fixture
def told(tmp_path: Path) -> Callable[[Story], object]:
    """What a story about the member `m-1` comes to; `m-1` doubles and is placed."""
    with warnings.catch_warnings(action="ignore"):  # those of Ray Serve's own import
        from cmcore_ray.members import Member
    shelf = Shelf(tmp_path / "shelf")
    shelf.put(TinyModels(folder=tmp_path / "tiny").doubling("m-1"))

    def come(story: Story) -> object:
        async def begin() -> object:
            return await story(Member("m-1", shelf, Counter()))

        return asyncio.run(begin())

    return come


def test_a_member_is_loaded_once(told: Callable[[Story], object]) -> None:
    async def story(member: Member) -> object:
        return await member.loaded() is await member.loaded()

    assert told(story)


def test_a_member_that_several_ask_for_at_once_is_loaded_once(told: Callable[[Story], object]) -> None:
    async def story(member: Member) -> object:
        return len(set(await asyncio.gather(*(member.loaded() for _ in range(5)))))

    assert told(story) == 1


def test_a_member_that_was_let_go_is_loaded_anew(told: Callable[[Story], object]) -> None:
    async def story(member: Member) -> object:
        before = await member.loaded()
        member.let_go()
        return await member.loaded() is not before

    assert told(story)


def test_ray_serves_way_to_let_go_works_from_another_thread(told: Callable[[Story], object]) -> None:
    async def story(member: Member) -> object:
        before = await member.loaded()
        await asyncio.to_thread(member.__del__)
        await asyncio.sleep(0.05)
        return await member.loaded() is not before

    assert told(story)


def test_a_member_that_nobody_placed_cannot_be_loaded(tmp_path: Path) -> None:
    with warnings.catch_warnings(action="ignore"):
        from cmcore_ray.members import Member

    async def story() -> None:
        await Member("m-2", Shelf(tmp_path), Counter()).loaded()

    with pytest.raises(LookupError, match="m-2"):
        asyncio.run(story())
