"""What the settings say of MLflow. Imports nothing beyond pydantic and cmcore."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from cmcore.components.secret import Secret

SCHEMES = (
    "http",
    "https",
    "sqlite",
    "postgresql",
    "postgresql+psycopg",
    "postgresql+psycopg2",
    "mysql+pymysql",
    "file",
)


class MlflowOptions(BaseModel):
    """`options:` of the tracker `mlflow`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    uri: str = Field(
        description="http(s)://server, sqlite:///file, postgresql://..., or a folder; relative ones are the project's"
    )
    experiment: str = Field(default="", description="empty: the project's name, a slash, the pipeline's name")
    token: Secret[str] | None = Field(default=None, description="of the server, as ${secret:NAME}")
    upload_files_mib: float = Field(
        default=64.0, ge=0, description="tracked files and models up to this size are copied, larger ones referred to"
    )
    mirror_models: bool = Field(default=True, description="versions and aliases into MLflow's registry too")
    timeout_s: int = Field(default=10, ge=1, le=600, description="how long one request may take")

    @field_validator("uri")
    @classmethod
    def _without_password(cls, uri: str) -> str:
        parts = urlsplit(uri)
        if parts.scheme not in ("", *SCHEMES):
            raise ValueError(f"no scheme {parts.scheme!r}; write one of {', '.join(SCHEMES)}, or a folder")
        if parts.password:
            raise ValueError(
                "it holds a password, which links and messages would show; for a server give token: ${secret:NAME}, "
                "or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD; for PostgreSQL a .pgpass file"
            )
        if not uri.strip():
            raise ValueError("it is empty; write where MLflow is, such as http://localhost:5000")
        return uri
