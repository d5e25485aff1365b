"""The configuration system of the demo notebook: `from hps.cm import cm`.

Its calls act on the project in the current folder and that project's serving backend; there is no configuration server
behind them. Names and order of arguments are the notebook's own.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from cmcore import Project, importer, pipeline
from cmcore.artifacts import Model as ModelArtifact
from cmcore.errors import NotFoundError, UsageError
from cmcore.serving import ServingBackend
from cmcore_hps.config import Checked, checked
from cmcore_hps.serving.instances import Instance
from cmcore_hps.serving.model import Files, HpsModel
from cmcore_hps.serving.paths import VARIABLE, located, prefixes_of
from cmcore_hps.serving.tables import Generation

LOG = logging.getLogger(__name__)
BACKEND_VARIABLE = "CM_HPS_BACKEND"
LOCAL = ("localhost", "127.0.0.1", "::1")
COMPONENT = "inference"


class ConfigurationSystem:
    """`cm`: opened by `initialize`, on the project in the current folder."""

    def __init__(self) -> None:
        self._project: Project | None = None

    def initialize(self, server: str = "localhost", port: int = 9008) -> None:
        """Open the project, and have its serving backend run; raises UsageError for a server that is not this machine.

        Nothing listens on `port`, which is taken because the notebook gives one.
        """
        if server not in LOCAL:
            raise UsageError(
                f"there is no configuration server at {server}:{port} that this could talk to; models are served by "
                'the project in the current folder. Try: cm.initialize(server="localhost", port=9008)'
            )
        self.close()
        self._project = Project(".")
        self.backend.start()

    def set_inference_(self, component: str, location: str, file: str) -> str:
        """The location of the file that the training side has put there; raises UsageError where no prefix maps it."""
        expect_component(component)
        path = f"{location.rstrip('/')}/{file}"
        located(path, self.prefixes)
        return path

    def register(self, workspace: Project | Path | str, *, model_name: str, model_path: str) -> Model:
        """A model whose files are on the file system already; `workspace` is the project or its folder."""
        if isinstance(workspace, Project) and workspace is not self._project:
            self.close()
            self._project = workspace
        elif not isinstance(workspace, Project) and Path(workspace).absolute() != self.project.folder:
            self.close()
            self._project = Project(workspace)
        found = located(model_path, self.prefixes)
        if not found.exists():
            raise NotFoundError(f"model {model_name!r}: there is nothing at {model_path} ({found}); upload it first")
        return Model(self, self.model(model_name), model_path)

    def service(self, name: str) -> Service:
        """The service of a model, loaded or not; it is looked for when it is used."""
        return Service(self, name)

    def model(self, name: str) -> HpsModel:
        """What the project has of a model of that name."""
        return HpsModel(name, self.project.home / "hps" / name)

    @property
    def project(self) -> Project:
        """The project that is open; raises UsageError before `initialize`."""
        if self._project is None:
            raise UsageError('nothing is open yet. Try: cm.initialize(server="localhost", port=9008)')
        return self._project

    @property
    def backend(self) -> ServingBackend:
        """The project's serving backend: `triton`, unless the environment names another."""
        return self.project.backend(self.project.environment.get(BACKEND_VARIABLE, "triton"))

    @property
    def prefixes(self) -> dict[str, Path]:
        """What the environment says of where locations are."""
        return prefixes_of(self.project.environment.get(VARIABLE, ""))

    def close(self) -> None:
        """Give the project back; the server and its models stay."""
        if self._project is not None:
            self._project.close()
            self._project = None


class Model:
    """A registered model; its two configurations take effect when both are there."""

    def __init__(self, system: ConfigurationSystem, model: HpsModel, path: str) -> None:
        self._system, self._model, self.path = system, model, path
        self._deployment: Path | None = None
        self._inference: tuple[Path, Path | None] | None = None
        self.generation: Generation | None = None
        self.version = ""  # MODEL@VERSION in the project's registry, once it is deployed

    @property
    def name(self) -> str:
        """Its name on the server."""
        return self._model.name

    def deploy_configuration(self, component: str, model_name: str, *, config_file: str) -> Checked:
        """Set the deployment configuration (`ps.json`); with the other one there, the model is deployed or updated.

        Returns what was found in it alone. Raises DocumentError, UsageError.
        """
        expect_component(component)
        self._expect(model_name)
        self._deployment = existing(config_file)
        alone = checked(self._deployment, None, None, model=self.name)
        self._apply()
        return alone

    def InferenceConfig(self, *, modelname: str, model_network: str, running_config: str) -> Checked:  # noqa: N802 # the notebook's name
        """Set the inference configuration (network and `config.pbtxt`); with the other one there, as above."""
        self._expect(modelname)
        self._inference = existing(running_config), existing(model_network) if model_network else None
        alone = checked(None, *self._inference, model=self.name)
        self._apply()
        return alone

    def delete(self) -> None:
        """Forget the configurations. The tables stay in the store, and a new registration finds them."""
        self.service.delete()
        self._deployment = self._inference = self.generation = None

    @property
    def service(self) -> Service:
        """Its service."""
        return Service(self._system, self.name)

    def _apply(self) -> None:
        if self._deployment is None or self._inference is None:
            return
        config, network = self._inference
        files = Files(parameter_server=self._deployment, model_config=config, network=network)
        self._deployment = self._inference = None  # an update sets both again, a refused pair too
        self.generation, _ = self._model.deploy(
            files, self._system.backend, prefixes=self._system.prefixes, progress=logged
        )
        self.version = recorded(self._system.project, self.name, Path(self.generation.folder))

    def _expect(self, name: str) -> None:
        if name != self.name:
            raise UsageError(f"the configuration is for {name!r}, and this model is {self.name!r}")


class Service:
    """What runs of a model on the server."""

    def __init__(self, system: ConfigurationSystem, name: str) -> None:
        self._system, self.name = system, name

    def instances(self) -> Sequence[Instance]:
        """Its loaded instances with their caches and hit rates."""
        return self._system.model(self.name).instances()

    def delete(self) -> None:
        """Unload the model: its weights and caches go, its tables stay. Nothing where it is gone already."""
        self._system.model(self.name).recycle(self._system.backend)


def recorded(project: Project, name: str, folder: Path) -> str:
    """Import a generation's folder into the lineage and make it a version of the registry; the same one again is the
    version that is there. Its reference."""

    @pipeline(name=f"hps-{name.lower().replace('_', '-').replace('.', '-')}")
    def imported() -> None:
        importer(uri=folder, type=ModelArtifact).named("model")

    artifact = project.run(imported).check().artifact("model", "artifact")
    found = project.register(artifact, name=name, reason="deployed by hps.cm")
    return str(found.version.reference)


def logged(table: str, done: int, rows: int) -> None:
    """Say in the log how far a table is."""
    LOG.info("table %s: %s of %s rows", table, f"{done:,}", f"{rows:,}")


def expect_component(component: str) -> None:
    """Raise UsageError for a component that there is not."""
    if component != COMPONENT:
        raise UsageError(f"there is no component {component!r}; it is {COMPONENT!r}")


def existing(file: str) -> Path:
    """The file's path; raises UsageError where there is none."""
    path = Path(file).absolute()
    if not path.is_file():
        raise UsageError(f"there is no file {path}")
    return path


cm = ConfigurationSystem()
