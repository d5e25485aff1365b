"""Policy: the `kind: RegistryPolicy` document, which says what a version needs to become an environment's. Values.

Gates are examined in `gates`, approvals weighed in `verdict`; where policies are kept is not known here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, model_validator

from cmcore.errors import NotFoundError, RefusedError, UsageError
from cmcore.filters.parse import parse
from cmcore.registry.names import checked_alias, checked_model
from cmcore.registry.wording import meant

ANY_MODEL = "*"
PUBLIC_KEY = re.compile(r"\s*-----BEGIN PUBLIC KEY-----\s([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----\s*")


def a_model(name: str) -> str:
    """A model's name, or `*` for every model that has no policy of its own."""
    return name if name == ANY_MODEL else _refused_as_value(checked_model, name)


def an_environment(name: str) -> str:
    """An environment's name, which is that of its alias."""
    return _refused_as_value(checked_alias, name)


def a_filter(text: str) -> str:
    """A filter that can be read."""
    _refused_as_value(parse, text)
    return text


def _refused_as_value(check: Callable[[str], object], text: str) -> str:
    try:
        check(text)
    except UsageError as error:
        raise ValueError(str(error)) from error
    return text


class Section(BaseModel):
    """A part of a policy: immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Signed(Section):
    """Whose signatures count. In a file, keys may be paths of PEM files; a policy in force has their texts."""

    keys: tuple[str, ...] = Field(min_length=1, description="a public key (PEM), or the path of its file")

    @property
    def fingerprints(self) -> frozenset[str]:
        """The keys as signatures name them."""
        return frozenset(map(fingerprint, self.keys))


class NotWorse(Section):
    """A metric may be worse than that of the version that holds the environment now by at most `by`."""

    metric: str = Field(min_length=1)
    than: Literal["current"] = "current"
    by: float = Field(default=0.0, ge=0, allow_inf_nan=False, description="how much worse is still the same")
    higher_is_better: bool | None = Field(
        default=None, description="for metrics whose evaluation does not say whether higher is better"
    )


class Gate(Section):
    """One thing that evidence must show; exactly one of these."""

    blessed: Literal[True] | None = Field(default=None, description="the evaluator blessed the model")
    infra_blessed: Literal[True] | None = Field(default=None, description="the model was loaded and answered")
    signed: Signed | None = Field(default=None, description="a valid signature by one of these keys")
    card: Literal["complete"] | None = Field(default=None, description="the model card has every section")
    scan: Literal["safe"] | None = Field(default=None, description="loading the model's files runs no code of theirs")
    where: Annotated[str, AfterValidator(a_filter)] | None = Field(
        default=None, description="a filter over metrics (bounds as metrics.auc.low) and properties"
    )
    not_worse: NotWorse | None = Field(default=None, description="not worse than the version that is there now")

    @model_validator(mode="after")
    def one_thing(self) -> Gate:
        """A gate asks for one thing, so that a refusal names it."""
        given = [name for name, value in self if value is not None]
        if len(given) != 1:
            names = ", ".join(type(self).model_fields)
            raise ValueError(f"needs exactly one of {names}; found {' and '.join(given) or 'none'}")
        return self

    @property
    def name(self) -> str:
        """Which of them it is."""
        return next(name for name, value in self if value is not None)

    @property
    def asked(self) -> object:
        """What it asks for."""
        return dict(self)[self.name]


class Approvals(Section):
    """How many people must have approved a version, and who counts."""

    quorum: int = Field(default=1, ge=0, le=20, description="how many different people")
    expires_days: float | None = Field(default=30, gt=0, le=3650, description="how long an approval counts; null: ever")
    separation_of_duty: bool = Field(default=True, description="whoever registered the version cannot approve it")
    promoter_may_approve: bool = Field(default=True, description="an approval of the promoter's own counts")
    approvers: tuple[str, ...] = Field(default=(), description="who may approve; empty: anybody")


NO_APPROVALS = Approvals(quorum=0)


class EnvironmentPolicy(Section):
    """What one environment demands; `protected` ones cannot be emptied, and are weakened for a stated reason only."""

    protected: bool = False
    approvals: Approvals = NO_APPROVALS
    gates: tuple[Gate, ...] = ()

    @property
    def is_free(self) -> bool:
        """Whether it demands nothing, so that its alias is like any other."""
        return not self.protected and not self.gates and self.approvals.quorum == 0

    def as_document(self) -> dict[str, JsonValue]:
        """Its part of the policy's document."""
        document: dict[str, JsonValue] = self.model_dump(mode="json", exclude_defaults=True)
        if self.approvals != NO_APPROVALS:
            document["approvals"] = self.approvals.model_dump(mode="json")
        return document


class Policy(Section):
    """The environments of one model, or of every model without a policy of its own (`*`)."""

    kind: Literal["RegistryPolicy"] = "RegistryPolicy"
    model: Annotated[str, AfterValidator(a_model)] = ANY_MODEL
    environments: dict[Annotated[str, AfterValidator(an_environment)], EnvironmentPolicy] = Field(min_length=1)

    def as_document(self) -> dict[str, JsonValue]:
        """The document that means this policy; what is default is left out, but for how approvals are weighed."""
        environments = {name: environment.as_document() for name, environment in self.environments.items()}
        return {"kind": self.kind, "model": self.model, "environments": {**environments}}

    def environment(self, name: str) -> EnvironmentPolicy:
        """The demands of one environment; raises NotFoundError."""
        if name not in self.environments:
            raise NotFoundError(
                f"{name!r} is no environment here{meant(name, [*self.environments])}; there are "
                f"{', '.join(self.environments)}. "
                "To set an ordinary alias: cm alias"
            )
        return self.environments[name]

    def check_free(self, model: str, name: str) -> None:
        """Raise RefusedError if an alias is an environment that demands something."""
        demands = self.environments.get(name)
        if demands is not None and not demands.is_free:
            raise RefusedError(
                f"{name!r} is an environment of {model!r} that its policy guards, not an alias to be set or removed by "
                f"hand; promote another version instead: cm promote {model}@VERSION --to {name}"
            )


DEFAULT = Policy(
    environments={
        "dev": EnvironmentPolicy(),
        "staging": EnvironmentPolicy(),
        "production": EnvironmentPolicy(
            protected=True, approvals=Approvals(), gates=(Gate(blessed=True), Gate(scan="safe"))
        ),
    }
)


def fingerprint(key: str) -> str:
    """The SHA-256 of a public key's DER form, `sha256:<digits>`; raises UsageError for what is no such key."""
    found = PUBLIC_KEY.fullmatch(key)
    try:
        der = base64.b64decode("".join(found[1].split()) if found else "", validate=True)
    except binascii.Error:
        der = b""
    if not der:
        kind = "a private key, which must never be handed out" if "PRIVATE KEY" in key else "no public key"
        raise UsageError(f"this is {kind}; give a text that begins with -----BEGIN PUBLIC KEY-----")
    return f"sha256:{hashlib.sha256(der).hexdigest()}"


def weakened(old: Policy, new: Policy) -> tuple[str, ...]:
    """What becomes easier in the protected environments of a policy that another one is to replace; each a sentence."""
    return tuple(
        f"{name}: {loss}"
        for name, before in old.environments.items()
        if before.protected
        for loss in losses(before, new.environments.get(name))
    )


def losses(before: EnvironmentPolicy, after: EnvironmentPolicy | None) -> Iterator[str]:
    """What a protected environment would lose."""
    if after is None:
        yield "it would be an environment no more"
        return
    if not after.protected:
        yield "it would not be protected"
    for gate in before.gates:
        if not any(covers(kept, gate) for kept in after.gates):
            yield f"the gate {gate.name!r} would go or ask for less"
    yield from easier(before.approvals, after.approvals)


def covers(kept: Gate, gate: Gate) -> bool:
    """Whether a gate asks for at least as much as another; filters are compared as texts only."""
    match gate.asked, kept.asked:
        case Signed() as before, Signed() as after:
            return after.fingerprints <= before.fingerprints
        case NotWorse() as before, NotWorse() as after:
            return before.model_copy(update={"by": after.by}) == after and after.by <= before.by
    return kept == gate


def easier(before: Approvals, after: Approvals) -> Iterator[str]:
    """How approvals would be easier to get."""
    forever = float("inf")
    if after.quorum < before.quorum:
        yield f"{after.quorum} approvals would do instead of {before.quorum}"
    if (after.expires_days or forever) > (before.expires_days or forever):
        yield "approvals would count longer"
    if before.separation_of_duty and not after.separation_of_duty:
        yield "whoever registered a version could approve it"
    if after.promoter_may_approve and not before.promoter_may_approve:
        yield "whoever promotes a version could approve it"
    if before.approvers and not set(after.approvers or ("*",)) <= set(before.approvers):
        yield "more people could approve"
