"""`checked`: three files in, everything that is wrong with them out, and their typed values. Raises nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cmcore.errors import DocumentError, UsageError
from cmcore_hps.config.dialect import Dialect
from cmcore_hps.config.finding import File, Finding
from cmcore_hps.config.network import Network
from cmcore_hps.config.parameter_server import ParameterServer
from cmcore_hps.config.rule import Severity
from cmcore_hps.config.triton_model import TritonModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was found; a value is None where its file was not given or cannot be understood."""

    findings: tuple[Finding, ...]
    dialect: Dialect
    model: str = ""
    parameter_server: ParameterServer | None = None
    model_config: TritonModel | None = None
    network: Network | None = None

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What keeps the files from being deployed."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What was mended, is ignored, or is advised against."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.WARNING)

    def export_ps(self) -> str:
        """`ps.json` strictly typed, as every reader wants it; raises UsageError where there is none to write."""
        if self.parameter_server is None:
            raise UsageError(f"{File.PS} cannot be written: {absence(self, File.PS)}")
        return self.parameter_server.document()

    def export_pbtxt(self) -> str:
        """`config.pbtxt` as protobuf text; raises UsageError where there is none to write."""
        if self.model_config is None:
            raise UsageError(f"{File.PBTXT} cannot be written: {absence(self, File.PBTXT)}")
        return self.model_config.text


def absence(outcome: Checked, file: File) -> str:
    """Why a file has no value."""
    found = len(outcome.errors)
    return f"it was not given, or has errors ({found} in all files); read the findings of `checked` for {file}"


def refuse(outcome: Checked) -> None:
    """Raise DocumentError with every error, where there is one."""
    if outcome.errors:
        raise DocumentError([finding.problem() for finding in outcome.errors])


def checked(
    ps: Path | bytes | None,
    pbtxt: Path | bytes | None,
    network: Path | bytes | None,
    *,
    model: str = "",
    dialect: Dialect | None = None,
) -> Checked:
    """What is wrong with the files, each alone and together, for the reader that `backend:` names or `dialect` says.

    Files that are None are not checked, nor what they would have to agree with.
    """
    from cmcore_hps.config.examination import examined

    return examined(ps, pbtxt, network, model=model, dialect=dialect)
