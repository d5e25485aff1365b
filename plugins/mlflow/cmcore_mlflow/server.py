"""The way to MLflow: its client, made at first use, and what its errors mean for a delivery."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies

from cmcore.errors import CmError, TrackerError
from cmcore_mlflow.options import MlflowOptions

if TYPE_CHECKING:
    from mlflow import MlflowClient

LASTING = frozenset(
    {"INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS", "NOT_IMPLEMENTED"}
)
LASTING_STATUS = frozenset({400, 405, 409, 410, 411, 413, 414, 415, 422, 431, 501})
NAMES_IN_THE_WAY = (NotADirectoryError, IsADirectoryError, FileExistsError)  # a folder of files cannot hold a and a/b
TOLD = 400  # how much of MLflow's own words is passed on


class Server:
    """One MLflow: `uri` as its client takes it. Nothing is imported or asked before `client`."""

    def __init__(self, options: MlflowOptions, folder: Path) -> None:
        self._options = options
        self.uri = absolute(options.uri, folder)
        self.is_remote = urlsplit(self.uri).scheme in ("http", "https")
        self.artifact_root = artifact_root(self.uri, folder)

    @cached_property
    def client(self) -> MlflowClient:
        """MLflow's client; raises TrackerError where it cannot be had, so that everything waits until it can."""
        try:
            self._set_up()
            self._knock()
            from mlflow import MlflowClient

            return MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)
        except CmError as error:
            raise TrackerError(str(error)) from error
        except Exception as error:  # MLflow's border: it cannot be an event's fault
            raise TrackerError(f"MLflow at {shown(self.uri)} cannot be opened: {told(error)}") from error

    @contextmanager
    def reaching(self) -> Iterator[MlflowClient]:
        """The client; what passes is turned into TrackerError, and what can never succeed raised as it is."""
        client = self.client
        try:
            yield client
        except CmError:
            raise
        except Exception as error:
            if may_pass(error):
                raise TrackerError(f"MLflow at {shown(self.uri)} cannot be used now: {told(error)}") from error
            raise

    def _knock(self) -> None:
        """Raise OSError where nobody listens: that is known without seconds of importing MLflow."""
        parts = urlsplit(self.uri)
        if self.is_remote and parts.hostname and parts.scheme not in getproxies():
            port = parts.port or (443 if parts.scheme == "https" else 80)
            socket.create_connection((parts.hostname, port), timeout=self._options.timeout_s).close()

    def _set_up(self) -> None:
        """What MLflow reads from the environment of the process, which is a courier's own.

        Its own retries are off: one of a request that was carried out would make a second run.
        """
        os.environ["MLFLOW_TRACKING_URI"] = os.environ["MLFLOW_REGISTRY_URI"] = self.uri  # not one of MLflow's choice
        os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
        os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = str(self._options.timeout_s)
        os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
        os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
        if self._options.token is not None:
            os.environ["MLFLOW_TRACKING_TOKEN"] = self._options.token.reveal()


def absolute(uri: str, folder: Path) -> str:
    """The URI with a relative path made one of the project."""
    if uri.startswith("sqlite:///") and not uri.startswith("sqlite:////"):
        return f"sqlite:///{folder / uri.removeprefix('sqlite:///')}"
    return uri if urlsplit(uri).scheme else (folder / uri).as_uri()


def artifact_root(uri: str, folder: Path) -> str:
    """Where files go that no server keeps, and no folder of MLflow's; MLflow would take the working folder."""
    if uri.startswith("sqlite:///"):
        return (Path(uri.removeprefix("sqlite:///")).parent / "mlartifacts").as_uri()
    return "" if urlsplit(uri).scheme in ("http", "https", "file") else (folder / ".cm" / "mlartifacts").as_uri()


def may_pass(error: Exception) -> bool:
    """Whether the same call may succeed later: the server is down, busy, or will not have us; or a disk is full."""
    import requests
    from mlflow.exceptions import MlflowException

    match error:
        case MlflowException():
            return error.error_code not in LASTING and not isinstance(error.__context__, NAMES_IN_THE_WAY)
        case requests.HTTPError(response=requests.Response(status_code=status)):
            return status not in LASTING_STATUS
    return isinstance(error, OSError) and not isinstance(error, NAMES_IN_THE_WAY)


def told(error: Exception) -> str:
    """What an error says, in one line."""
    line = " ".join(str(error).split())
    return (line[:TOLD] + "..." if len(line) > TOLD else line) or type(error).__name__


def shown(uri: str) -> str:
    """The URI without what could be a secret."""
    parts = urlsplit(uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
