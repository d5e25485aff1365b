"""InfraValidator's work: a trial of the model on a private server, and the blessing with everything that was found.

A model that fails is not blessed, and the node succeeds; where no server can be had, the node fails.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from pydantic import JsonValue

from cmcore.artifacts import InfraBlessing, Model
from cmcore.components.context import Context
from cmcore.hooks.discovery import Plugins
from cmcore.sandbox.calls import nearest_rank
from cmcore.sandbox.conditions import Asked, Conditions, conditions, settings_in
from cmcore.sandbox.sandbox import Sandbox, flavors, sandbox
from cmcore.sandbox.trial import Trial
from cmcore.sandbox.verdict import Verdict, verdict
from cmcore.serving.document import DeploymentConfig, InferenceConfig, Protocol
from cmcore.settings import ProjectSettings

OUTPUT, CONDITIONS, REPORT_FILE = "infra_blessing", "conditions", "infra_validation.json"


def infra_validator(
    *,
    model: Model,
    infra_blessing: InfraBlessing,
    endpoint: str,
    variant: str,
    backend: str,
    options: dict[str, JsonValue] | None,
    deployment: DeploymentConfig,
    inference: InferenceConfig,
    protocols: list[Protocol],
    requests: int,
    max_latency_ms: float,
    tolerance: float,
    beside: bool,
    context: Context,
) -> dict[str, bool]:
    """Try the model, write down what was found, and bless it or not; raises ServingError where no server can be had."""
    asked = Asked(
        endpoint=endpoint, variant=variant, backend=backend, options=options, deployment=deployment,
        inference=inference, protocols=protocols, requests=requests, max_latency_ms=max_latency_ms,
        tolerance=tolerance, beside=beside,
    )  # fmt: skip
    settings = settings_here()
    plugins = discovered(settings)
    under = conditions(asked, folder=Path.cwd(), settings=settings, plugins=plugins)
    context.progress(0, 2, f"starting {under.document.backend}")
    with sandbox(plugins, under.document.backend, under.options, beside=under.beside) as server:
        context.progress(1, 2, "asking the model")
        name = f"infra-{(model.digest or under.digest).removeprefix('sha256:')[:12]}"
        trial = Trial(server=server, conditions=under, folder=model.path, name=name, flavors=flavors(plugins))
        trial.run()
    found = verdict(trial.checks)
    infra_blessing.blessed, infra_blessing.model = found.blessed, model.digest or ""
    infra_blessing.conditions = under.digest
    with infra_blessing.open(REPORT_FILE, "w") as stream:
        stream.write(json.dumps(report(model, under, server, trial, found), indent=1, sort_keys=True) + "\n")
    if trial.latencies_s:
        context.metric("latency_p50_ms", nearest_rank(sorted(trial.latencies_s), 0.5) * 1e3)
        context.metric("latency_p99_ms", nearest_rank(sorted(trial.latencies_s), 0.99) * 1e3)
    context.log(f"{'blessed' if found.blessed else 'not blessed'}: {found.reason}")
    return {"blessed": found.blessed}


def report(model: Model, under: Conditions, server: Sandbox, trial: Trial, found: Verdict) -> dict[str, object]:
    """Everything that was asked and found, as JSON."""
    ordered = sorted(trial.latencies_s)
    shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
    return {
        "blessed": found.blessed,
        "reason": found.reason,
        "model": model.digest or "",
        "checks": [asdict(check) for check in trial.checks],
        "latency_ms": {it: round(nearest_rank(ordered, share) * 1e3, 3) for it, share in shares.items() if ordered},
        "server": {
            "backend": server.provider,
            "plugin": server.plugin,
            "name": server.able.server,
            "version": server.able.version,
            "private": server.private,
        },
        "conditions": {**under.model_dump(mode="json"), "digest": under.digest},
    }


def conditions_hold(
    *, parameters: Mapping[str, object], outputs: Mapping[str, Mapping[str, object]], input_digests: Mapping[str, str]
) -> bool:
    """The check of a cached validation: whether document, options and plugins are those of then.

    They are in no cache key: the key has parameters, and these name a document, settings and installed plugins.
    """
    del input_digests
    settings = settings_here()
    asked = Asked.model_validate(dict(parameters))
    under = conditions(asked, folder=Path.cwd(), settings=settings, plugins=discovered(settings))
    return outputs[OUTPUT].get(CONDITIONS) == under.digest


def settings_here() -> ProjectSettings:
    """The settings of the project in which executors and checks work: its folder is where they are."""
    return settings_in(Path.cwd(), os.environ)


def discovered(settings: ProjectSettings) -> Plugins:
    """The plugins that the settings allow."""
    chosen = settings.stack.plugins
    return Plugins.discover(builtin=["cmcore.builtin"], allow=chosen.allow, deny=chosen.deny, strict=chosen.strict)
