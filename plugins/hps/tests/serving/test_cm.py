"""`hps.cm` before anything runs: what it refuses, and with what words."""

import pytest

from cmcore import Project
from cmcore.errors import UsageError
from hps.cm import ConfigurationSystem


@pytest.fixture
def cm(tmp_path, monkeypatch):
    """A system whose project is open and whose server is not needed."""
    monkeypatch.setenv("CM_HPS_PATHS", f"hdfs://model_repo={tmp_path}")
    (tmp_path / "modelfile").touch()
    system = ConfigurationSystem()
    yield system
    system.close()


@pytest.fixture
def model(cm, tmp_path):
    return cm.register(Project(tmp_path), model_name="wdl", model_path="hdfs://model_repo/modelfile")


def test_nothing_works_before_initialize(cm):
    with pytest.raises(UsageError, match=r"Try: cm\.initialize"):
        cm.set_inference_("inference", "hdfs://model_repo", "modelfile")


def test_a_model_of_a_project_needs_no_initialize(model):
    assert model.name == "wdl"


@pytest.mark.parametrize("component", ["training", "", "Inference"])
def test_another_component_is_refused(model, component):
    with pytest.raises(UsageError, match="it is 'inference'"):
        model.deploy_configuration(component, "wdl", config_file="ps.json")


def test_a_configuration_of_another_model_is_refused(model):
    with pytest.raises(UsageError, match="is for 'dcn', and this model is 'wdl'"):
        model.deploy_configuration("inference", "dcn", config_file="ps.json")


def test_a_file_that_is_not_there_is_refused(model):
    with pytest.raises(UsageError, match=r"no file /.*nothing\.json"):
        model.deploy_configuration("inference", "wdl", config_file="nothing.json")


@pytest.mark.parametrize("name", ["", "../wdl", "a/b", ".hidden", "a" * 65])
def test_a_name_that_is_no_folders_is_refused(cm, tmp_path, name):
    with pytest.raises(UsageError, match="is no name of a model"):
        cm.register(Project(tmp_path), model_name=name, model_path="hdfs://model_repo/modelfile")
