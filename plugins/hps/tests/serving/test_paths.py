"""Locations: the longest mapped prefix wins, and what nobody mapped is refused with what to do."""

from pathlib import Path

import pytest

from cmcore.errors import UsageError
from cmcore_hps.serving.paths import located, prefixes_of

PREFIXES = prefixes_of("hdfs://model_repo=/data/repo, hdfs://model_repo/special=/other,/model=/data/model")


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("hdfs://model_repo/modelname/modelfile", "/data/repo/modelname/modelfile"),
        ("hdfs://model_repo/special/x", "/other/x"),
        ("hdfs://model_repo", "/data/repo"),
        ("/model/wdl/1/0_sparse_2000.model", "/data/model/wdl/1/0_sparse_2000.model"),
        ("/models/x", "/models/x"),
        ("file:///a/b", "/a/b"),
        ("./here", "here"),
    ],
)
def test_a_location_is_found(location, path):
    assert located(location, PREFIXES) == Path(path)


def test_a_url_that_nobody_mapped_is_refused_with_what_to_set():
    with pytest.raises(UsageError, match="CM_HPS_PATHS=s3://bucket=FOLDER"):
        located("s3://bucket/file", PREFIXES)


@pytest.mark.parametrize("text", ["hdfs://model_repo", "=/data", "a=/x,b="])
def test_a_prefix_without_folder_is_refused(text):
    with pytest.raises(UsageError, match="PREFIX=FOLDER"):
        prefixes_of(text)


def test_a_location_does_not_lead_out_of_its_prefix():
    with pytest.raises(UsageError, match="leads out"):
        located("hdfs://model_repo/a/../../secret", PREFIXES)
