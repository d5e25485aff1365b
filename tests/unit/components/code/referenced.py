"""Code that references name."""

from __future__ import annotations

import functools
from collections.abc import Callable


def named() -> int:
    return 1


def outer() -> Callable[[], int]:
    def inner() -> int:
        return 1

    return inner


@functools.lru_cache
def remembered() -> int:
    return 1


class Model:
    def method(self) -> int:
        return 1

    @classmethod
    def made(cls) -> Model:
        return cls()


class Wrapped:
    """What a decorator makes of a function."""

    def __init__(self, function: Callable[[], int]) -> None:
        self.function = function


@Wrapped
def decorated() -> int:
    return 1


def redefined() -> int:
    return 1


first = redefined


def redefined() -> int:  # type: ignore[no-redef]  # what is tested
    return 2
