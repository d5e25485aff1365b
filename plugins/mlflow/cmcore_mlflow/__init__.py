"""MLflow as a tracker of cmcore, and its autologging inside components. MLflow itself is imported at first use."""

from cmcore_mlflow.autologging import autolog as autolog
