"""The environment: interpreter, platform, installed versions."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from collections.abc import Callable
from pathlib import Path

from cmcore.components.code.distributions import normalised
from cmcore.components.code.environment import environment, interpreter

Install = Callable[..., Path]


def test_packages_are_pinned_and_sorted(install: Install, site: Path) -> None:
    install("Zeta.Lib", {}, version="2.0.dev1")
    install("alpha-lib", {}, version="1.0+local")
    assert environment(path=[str(site)]).packages == ("alpha-lib==1.0+local", "zeta-lib==2.0.dev1")


def test_of_two_installs_the_first_on_the_path_counts(install: Install, site: Path, tmp_path: Path) -> None:
    install("lib", {}, version="1.0")
    (tmp_path / "overlay/lib-2.0.dist-info").mkdir(parents=True)
    assert environment(path=[str(tmp_path / "overlay"), str(site)]).packages == ("lib==2.0",)


def test_folder_names_agree_with_the_metadata_they_stand_for() -> None:
    found = {normalised(each.name): each.version for each in importlib.metadata.distributions()}
    listed = dict(package.split("==", 1) for package in environment().packages)
    assert {name: found.get(name) for name in listed} == listed


def test_another_version_is_another_digest(install: Install, site: Path, tmp_path: Path) -> None:
    install("lib", {}, version="1.0")
    assert environment(path=[str(site)]).digest != environment(path=[]).digest


def test_the_interpreter_leaves_out_the_patch_release() -> None:
    major, minor, _ = platform.python_version_tuple()
    assert interpreter().split("-")[:2] == [sys.implementation.name, f"{major}.{minor}"]


def test_the_environment_names_the_whole_python_version() -> None:
    assert environment(path=[]).python == platform.python_version()
