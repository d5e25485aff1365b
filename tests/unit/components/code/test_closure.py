"""The digest of a component's code: what changes it, and what does not."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cmcore.components.code.closure import CodeDigest, code_digest
from cmcore.components.code.reference import CodeRef
from cmcore.errors import UsageError

Write = Callable[..., Path]
Install = Callable[..., Path]
Digest = Callable[..., CodeDigest]

FIT = "def fit():\n    return 1\n"


def test_editing_the_body_changes_the_digest(write: Write, digest: Digest) -> None:
    write({"train.py": FIT})
    before = digest()
    write({"train.py": FIT.replace("1", "2")})
    assert digest().digest != before.digest


def test_a_project_has_the_same_digest_in_another_folder(tmp_path: Path, write: Write, digest: Digest) -> None:
    files = {"train.py": "import features\n" + FIT, "features.py": "X = 1\n"}
    write(files)
    elsewhere = write(files, tmp_path / "elsewhere")
    assert code_digest(CodeRef("train:fit"), roots=[elsewhere], path=[]) == digest()


@pytest.mark.parametrize(
    "edited",
    ["# why\ndef fit():\n    return 1\n", "def fit( ):\n\n\n  return 1\n", "def fit():\n    return (1)  # one\n"],
    ids=["comment", "white space", "parentheses"],
)
def test_comments_and_formatting_do_not_count(write: Write, digest: Digest, edited: str) -> None:
    write({"train.py": FIT})
    before = digest()
    write({"train.py": edited})
    assert digest() == before


def test_docstrings_count_because_programs_read_them(write: Write, digest: Digest) -> None:
    write({"train.py": 'def fit():\n    "You are a classifier."\n'})
    before = digest()
    write({"train.py": 'def fit():\n    "You are a good classifier."\n'})
    assert digest() != before


def test_editing_a_helper_of_a_helper_says_which_file_differs(write: Write, digest: Digest) -> None:
    write({"train.py": "import a\n" + FIT, "a.py": "import b\n", "b.py": "X = 1\n"})
    before = digest()
    write({"b.py": "X = 2\n"})
    assert {name for name, value in digest().files.items() if before.files[name] != value} == {"b.py"}


def test_editing_a_file_that_is_not_imported_does_not_count(write: Write, digest: Digest) -> None:
    write({"train.py": FIT, "other.py": "X = 1\n"})
    before = digest()
    write({"other.py": "X = 2\n"})
    assert digest() == before


@pytest.mark.parametrize(
    "imports",
    [
        "import pkg.sub.helper",
        "from pkg.sub import helper",
        "from pkg.sub.helper import x",
        "from pkg.sub import *",
        "import importlib\nimportlib.import_module('pkg.sub.helper')",
        "__import__('pkg.sub.helper')",
        "def f():\n    from pkg.sub import helper",
        "try:\n    import pkg.sub.helper\nexcept ImportError:\n    pass",
        "if TYPE_CHECKING:\n    import pkg.sub.helper",
    ],
)
def test_every_way_of_importing_counts_with_the_packages_around_it(write: Write, digest: Digest, imports: str) -> None:
    write({"train.py": f"{imports}\n", "pkg/__init__.py": "", "pkg/sub/helper.py": "x = 1"})
    write({"pkg/sub/__init__.py": "__all__ = ['helper']"})
    assert set(digest().files) == {"train.py", "pkg/__init__.py", "pkg/sub/__init__.py", "pkg/sub/helper.py"}


@pytest.mark.parametrize(
    "imports",
    [
        "from . import helper",
        "from .helper import x",
        "from .. import pkg",
        "from ..pkg.helper import x",
        "from importlib import import_module\nimport_module('.helper', __package__)",
    ],
)
def test_relative_imports_are_followed(write: Write, digest: Digest, imports: str) -> None:
    write({"top/__init__.py": "", "top/pkg/__init__.py": "from . import helper", "top/pkg/helper.py": "x = 1"})
    write({"top/pkg/train.py": imports})
    assert "top/pkg/helper.py" in digest("top.pkg.train:fit").files


def test_a_relative_import_in_a_package_starts_from_the_package(write: Write, digest: Digest) -> None:
    write({"pkg/__init__.py": "from .helper import x", "pkg/helper.py": "x = 1"})
    assert "pkg/helper.py" in digest("pkg:x").files


def test_an_import_that_climbs_out_of_its_package_is_missing(write: Write, digest: Digest) -> None:
    write({"train.py": "from ..nowhere import x\n"})
    assert digest().missing == ("..nowhere",)


def test_namespace_packages_are_followed(write: Write, digest: Digest) -> None:
    write({"train.py": "from space.inner import helper\n", "space/inner/helper.py": "X = 1\n"})
    assert set(digest().files) == {"train.py", "space/inner/helper.py"}


def test_a_namespace_package_may_lie_in_two_roots(tmp_path: Path, write: Write) -> None:
    first = write({"space/a.py": "import space.b\n"}, tmp_path / "one")
    second = write({"space/b.py": "X = 1\n"}, tmp_path / "two")
    found = code_digest(CodeRef("space.a:x"), roots=[first, second], path=[])
    assert set(found.files) == {"space/a.py", "space/b.py"}


def test_a_star_import_of_a_namespace_package_ends_there(write: Write, digest: Digest) -> None:
    write({"train.py": "from space import *\n", "space/helper.py": "X = 1\n"})
    assert set(digest().files) == {"train.py"}


def test_circular_imports_end(write: Write, digest: Digest) -> None:
    write({"train.py": "import a\n", "a.py": "import b\n", "b.py": "import a, train\n"})
    assert set(digest().files) == {"train.py", "a.py", "b.py"}


def test_an_import_that_leads_nowhere_is_named(write: Write, digest: Digest) -> None:
    write({"train.py": "try:\n    import fast\nexcept ImportError:\n    fast = None\n"})
    assert digest().missing == ("fast",)


def test_an_optional_import_that_appears_changes_the_digest(write: Write, digest: Digest) -> None:
    write({"train.py": "try:\n    import fast\nexcept ImportError:\n    fast = None\n"})
    before = digest()
    write({"fast.py": ""})
    assert digest().digest != before.digest


def test_an_attribute_of_a_package_is_not_missing(write: Write, digest: Digest) -> None:
    write({"train.py": "from pkg import value\n", "pkg/__init__.py": "value = 1\n"})
    assert digest().missing == ()


def test_the_standard_library_does_not_count(write: Write, digest: Digest) -> None:
    write({"train.py": "import json, os.path, logging.handlers\n", "logging/readme.txt": "no package"})
    assert (set(digest().files), digest().missing) == ({"train.py"}, ())


def test_a_project_file_named_like_the_standard_library_counts(write: Write, digest: Digest) -> None:
    write({"train.py": "import statistics\n", "statistics.py": "X = 1\n"})
    assert set(digest().files) == {"train.py", "statistics.py"}


def test_a_compiled_module_counts_by_its_bytes(write: Write, digest: Digest) -> None:
    write({"train.py": "import fast\n", "fast.abi3.so": "machine code"})
    before = digest()
    write({"fast.abi3.so": "other machine code"})
    assert digest() != before


def test_a_syntax_error_names_file_line_and_importer(root: Path, write: Write, digest: Digest) -> None:
    write({"train.py": "import broken\n", "broken.py": "x = 1\nx = = 2\n"})
    with pytest.raises(UsageError, match=rf"{root}/broken\.py:2: invalid syntax.*train\.py imports it"):
        digest()


@pytest.mark.parametrize("content", [b"x = '\xff'", b"x = 1\0", b"(" * 5000 + b")" * 5000, b"# coding: nonsense\n"])
def test_what_is_no_python_is_an_error_that_names_the_file(root: Path, digest: Digest, content: bytes) -> None:
    root.mkdir()
    (root / "train.py").write_bytes(content)
    with pytest.raises(UsageError, match=r"train\.py"):
        digest()


def test_an_invalid_escape_warns_nobody(write: Write, digest: Digest) -> None:
    write({"train.py": "PATTERN = '\\d'\n"})
    assert set(digest().files) == {"train.py"}


@pytest.mark.parametrize("module", ["trian", "trian.deep", "train.deep"])
def test_a_reference_to_no_module_says_where_it_was_looked_for(
    root: Path, write: Write, digest: Digest, module: str
) -> None:
    write({"train.py": FIT})
    with pytest.raises(UsageError, match=rf"'{module}'.*{root}"):
        digest(f"{module}:fit")


def test_a_distribution_counts_once_it_is_imported(write: Write, install: Install, digest: Digest) -> None:
    install("numbers-lib", {"numlib/__init__.py": "", "numlib/deep.py": ""})
    write({"train.py": "import numlib.deep\n"})
    assert (set(digest().distributions), set(digest().files)) == ({"numbers-lib"}, {"train.py"})


@pytest.mark.parametrize(
    ("version", "content"), [("1.1", ""), ("1.0", "PATCHED = 1")], ids=["upgraded", "rebuilt with the same version"]
)
def test_a_changed_wheel_changes_the_digest(
    write: Write, install: Install, digest: Digest, version: str, content: str
) -> None:
    site = install("lib", {"lib/__init__.py": ""})
    write({"train.py": "import lib\n"})
    before = digest()
    shutil.rmtree(site)
    install("lib", {"lib/__init__.py": content}, version=version)
    assert digest().distributions["lib"] != before.distributions["lib"]


def test_the_upgrade_of_an_unrelated_distribution_does_not_count(
    site: Path, write: Write, install: Install, digest: Digest
) -> None:
    install("lib", {"lib/__init__.py": "import other"})
    install("other", {"other/__init__.py": ""})
    write({"train.py": "import lib\n"})
    before = digest()
    shutil.rmtree(site / "other-1.0.dist-info")
    install("other", {"other/__init__.py": "X = 1"}, version="2.0")
    assert digest() == before


def test_installer_and_bytecode_do_not_count(site: Path, write: Write, install: Install, digest: Digest) -> None:
    install("lib", {"lib/__init__.py": ""})
    write({"train.py": "import lib\n"})
    before = digest()
    with (site / "lib-1.0.dist-info/RECORD").open("a") as record:
        record.write("../../bin/lib,sha256=1,1\nlib-1.0.dist-info/INSTALLER,sha256=2,2\nlib/__pycache__/x.pyc,,\n")
    assert digest() == before


def test_distributions_that_share_a_namespace_are_told_apart(write: Write, install: Install, digest: Digest) -> None:
    install("space-a", {"space/a/__init__.py": ""})
    install("space-b", {"space/b/__init__.py": ""})
    write({"train.py": "from space import b\n"})
    assert set(digest().distributions) == {"space-b"}


def test_a_project_folder_does_not_hide_a_distribution_of_its_name(
    write: Write, install: Install, digest: Digest
) -> None:
    install("lib", {"lib/__init__.py": ""})
    write({"train.py": "import lib\n", "lib/config.yaml": "a: 1\n"})
    assert set(digest().distributions) == {"lib"}


def test_a_distribution_without_a_record_counts_by_its_metadata(write: Write, site: Path, digest: Digest) -> None:
    info = "PyLib-1.0.egg-info"
    write({"lib.py": "", f"{info}/PKG-INFO": "Name: PyLib\n", f"{info}/top_level.txt": "lib\n"}, site)
    write({"train.py": "import lib\n"})
    assert set(digest().distributions) == {"pylib"}


def test_a_file_that_no_distribution_owns_is_the_projects(write: Write, site: Path, digest: Digest) -> None:
    write({"loose.py": ""}, site)
    write({"train.py": "import loose\n"})
    assert set(digest().files) == {"train.py", "loose.py"}


def test_code_in_a_distribution_counts_by_its_record_and_what_it_requires(install: Install, digest: Digest) -> None:
    install("plugin", {"plug/__init__.py": ""}, requires=("Engine>=1", "cmcore", "extra-lib; extra == 'x'"))
    install("engine", {"engine/__init__.py": ""})
    install("extra-lib", {"extra_lib/__init__.py": ""})
    install("cmcore", {"nothing.py": ""})
    assert set(digest("plug:run").distributions) == {"plugin", "engine"}


def test_an_editable_install_on_the_path_counts_by_its_files(
    tmp_path: Path, write: Write, install: Install, digest: Digest
) -> None:
    source = write({"plug/__init__.py": "X = 1\n"}, tmp_path / "plugin/src")
    install("plugin", {"_editable_impl_plugin.pth": str(source)})
    write({"train.py": "import plug\n"})
    before = digest(path=(source,))
    write({"plug/__init__.py": "X = 2\n"}, source)
    assert digest(path=(source,)).files["plug/__init__.py"] != before.files["plug/__init__.py"]


@pytest.mark.parametrize("name", ["plug/__init__.py", "plug.py"])
def test_an_editable_install_by_setuptools_finder_counts_by_its_files(
    tmp_path: Path, write: Write, site: Path, digest: Digest, name: str
) -> None:
    source = write({name: "X = 1\n"}, tmp_path / "plugin")
    mapping = f"MAPPING: dict[str, str] = {{'plug': {str(source / 'plug')!r}}}\n"
    write({"__editable___plugin_1_0_finder.py": mapping}, site)
    write({"train.py": "import plug\n"})
    assert set(digest().files) == {"train.py", name}


def test_an_editable_install_known_by_its_url_alone_counts_by_its_files(
    tmp_path: Path, write: Write, site: Path, digest: Digest
) -> None:
    source = write({"src/plug/__init__.py": "X = 1\n"}, tmp_path / "my plugin")
    origin = json.dumps({"url": source.as_uri(), "dir_info": {"editable": True}})
    write({"plugin-1.0.dist-info/direct_url.json": origin}, site)
    write({"train.py": "import plug\n"})
    assert set(digest().files) == {"train.py", "plug/__init__.py"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("plugin-1.0.dist-info/direct_url.json", '{"url": "file:///nowhere", "dir_info": {"editable": true}}'),
        ("plugin-1.0.dist-info/direct_url.json", '{"url": "https://example.org/plugin.whl", "archive_info": {}}'),
        ("plugin-1.0.dist-info/direct_url.json", "no JSON"),
        ("__editable___plugin_finder.py", "import sys\n"),
    ],
)
def test_an_install_that_says_nothing_of_its_sources_leaves_the_import_missing(
    write: Write, site: Path, digest: Digest, name: str, text: str
) -> None:
    write({name: text}, site)
    write({"train.py": "import plug\n"})
    assert digest().missing == ("plug",)


def test_the_framework_does_not_count_for_a_projects_code(write: Write, digest: Digest) -> None:
    write({"train.py": "from cmcore.errors import CmError\n"})
    assert (set(digest().files), digest().missing) == ({"train.py"}, ())


def test_the_framework_counts_where_the_code_is_its_own() -> None:
    found = code_digest(CodeRef("cmcore.artifacts.artifact:Artifact"), roots=[])
    assert {"cmcore/artifacts/artifact.py", "cmcore/errors.py"} <= set(found.files)


def test_an_answer_is_given_again_from_memory(root: Path, write: Write, digest: Digest) -> None:
    write({"train.py": FIT})
    os.utime(root / "train.py", ns=(1, 1))
    os.utime(root, ns=(1, 1))
    assert digest() is digest()


def test_a_young_file_is_read_again_although_its_time_and_size_are_the_same(
    root: Path, write: Write, digest: Digest
) -> None:
    soon = time.time_ns() + 5_000_000_000
    write({"train.py": FIT})
    os.utime(root / "train.py", ns=(soon, soon))
    before = digest()
    write({"train.py": FIT.replace("1", "2")})
    os.utime(root / "train.py", ns=(soon, soon))
    assert digest() != before


def test_the_document_of_a_digest_is_json_without_places(root: Path, write: Write, digest: Digest) -> None:
    write({"train.py": FIT})
    assert str(root) not in json.dumps(digest().document())
