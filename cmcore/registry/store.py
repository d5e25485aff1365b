"""Registry: the door to models, versions, aliases, approvals, policies and their log. Each change is one transaction.

Nothing is decided here and no row is written: each method opens a transaction and hands it to the module of its idea.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

import sqlalchemy as sa
from pydantic import JsonValue

from cmcore.errors import NotFoundError
from cmcore.filters.moment import check_past
from cmcore.filters.syntax import Filter
from cmcore.registry import (
    aliases,
    approvals,
    catalogue,
    description,
    policies,
    promotion,
    registration,
    remarks,
    search,
)
from cmcore.registry.audit import AuditLog
from cmcore.registry.bump import bumped
from cmcore.registry.facts import VersionFacts
from cmcore.registry.gates import Evidence
from cmcore.registry.history import held_at, moves
from cmcore.registry.names import Reference
from cmcore.registry.policy import Policy
from cmcore.registry.tables import MODELS
from cmcore.registry.texts import checked_line
from cmcore.registry.transaction import Transaction, changing
from cmcore.registry.values import (
    Alias,
    Approval,
    Finding,
    Held,
    Level,
    Link,
    Model,
    ModelVersion,
    Move,
    Note,
    Registered,
    Verdict,
)
from cmcore.registry.wording import meant
from cmcore.state.database import StateDatabase


class Registry:
    """The model registry of one state database, as one actor uses it. Threads and processes may share the database.

    `gone` says why an artifact has no bytes any more, empty if it has: such versions get neither names nor evidence.
    """

    def __init__(
        self,
        database: StateDatabase,
        *,
        actor: str,
        clock: Callable[[], float] = time.time,
        rule: registration.Rule = bumped,
        gone: Callable[[str], str] = lambda _: "",
    ) -> None:
        self.actor = checked_line("the actor", actor)
        self.audit = AuditLog(database)
        self._database = database
        self._clock = clock
        self._rule = rule
        self._gone = gone

    # Models and versions

    def create(self, name: str, properties: Mapping[str, JsonValue] | None = None) -> Model:
        """The model of that name, made with these properties if there is none."""
        with self._changing() as transaction:
            return registration.created(transaction, name, properties or {})

    def model(self, name: str) -> Model:
        """A model by name; raises NotFoundError."""
        with self._database.reading() as connection:
            return catalogue.model_in(connection, name)

    def models(self) -> list[Model]:
        """Every model in the order of the names."""
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(MODELS).order_by(MODELS.c.name)).mappings()
            return [catalogue.model_of(row) for row in rows]

    def register(self, model: str, facts: VersionFacts, *, level: Level | None = None, reason: str = "") -> Registered:
        """Make a version, its number computed from the facts; the same digest is the version that is there already.

        `level` is taken instead of the computed one; where the two differ there must be a `reason`.
        """
        with self._changing() as transaction:
            return registration.registered(transaction, model, facts, level, reason, self._rule)

    def version(self, reference: Reference) -> ModelVersion:
        """The version that is meant, the newest if none is named; raises NotFoundError."""
        with self._database.reading() as connection:
            return catalogue.version_in(connection, reference)

    def versions(
        self, model: str = "", where: Filter | None = None, *, order_by: str = "", limit: int = 100
    ) -> list[ModelVersion]:
        """At most `limit` versions for which a filter holds, the newest first or as in `order_by` (`metrics.auc desc`).

        Fields: model, version, level, run, digest, uri, actor, blessed, created, alias, data, metrics.X, properties.X.
        """
        with self._database.reading() as connection:
            ids = search.ids_in(connection, search.found(model, where, order_by, self._clock()).limit(limit))
            known = catalogue.versions_by_id(connection, ids)
            return [known[each] for each in ids]

    # What people say

    def describe(self, reference: Reference, properties: Mapping[str, JsonValue | None]) -> None:
        """Set properties of a version, or of the model if no version is named; None takes one away."""
        with self._changing() as transaction:
            description.described(transaction, reference, properties)

    def note(self, reference: Reference, text: str) -> Note:
        """Write a note on a version, or on the model if no version is named."""
        with self._changing() as transaction:
            return description.noted(transaction, reference, text)

    def notes(self, reference: Reference) -> list[Note]:
        """The notes on a version or on the model itself, the oldest first."""
        with self._database.reading() as connection:
            return remarks.notes_in(connection, reference.model, description.number_meant(connection, reference))

    def link(self, reference: Reference, rel: str, url: str) -> None:
        """Say where else something is to be found; one URL for each `rel`, an empty one takes it away."""
        with self._changing() as transaction:
            description.linked(transaction, reference, rel, url)

    def links(self, reference: Reference) -> list[Link]:
        """The links of a version or of the model itself."""
        with self._database.reading() as connection:
            return remarks.links_in(connection, reference.model, description.number_meant(connection, reference))

    # Aliases and environments

    def alias(self, model: str, name: str) -> Alias | None:
        """What an alias means now; its generation is what a change of it must name."""
        with self._database.reading() as connection:
            return aliases.place_in(connection, model, name).alias

    def aliases(self, model: str) -> list[Alias]:
        """The aliases of a model, environments included."""
        with self._database.reading() as connection:
            return aliases.aliases_in(connection, model)

    def set_alias(self, reference: Reference, name: str, *, over: int) -> Alias:
        """Let a free alias mean a version; `over` is the generation that was seen, 0 if there was none.

        Raises OutdatedError if it was moved meanwhile, RefusedError for an environment that demands something.
        """
        with self._changing() as transaction:
            return promotion.named(transaction, reference, name, over)

    def remove_alias(self, model: str, name: str, *, over: int) -> None:
        """Take a free alias away; raises as `set_alias` does."""
        with self._changing() as transaction:
            promotion.unnamed(transaction, model, name, over)

    def judge(self, reference: Reference, environment: str, evidence: Evidence) -> tuple[Finding, ...]:
        """What a promotion would look at, and whether each of it holds at this moment; nothing is changed."""
        with self._database.reading() as connection:
            version = catalogue.version_in(connection, reference)
            return promotion.judged(connection, version, environment, evidence, self._clock(), self.actor)

    def promote(
        self, reference: Reference, environment: str, *, over: int, evidence: Evidence, reason: str = ""
    ) -> Alias:
        """Make a version the environment's, if its policy allows; `over` as for `set_alias`.

        Raises OutdatedError, which names who was faster; RefusedError with every reason, which is in the log too.
        """
        with self._changing() as transaction:
            alias, found = promotion.promoted(transaction, reference, environment, over, evidence, reason)
        if alias is None:
            raise promotion.refusal(reference, environment, found)
        return alias

    # Approvals and policies

    def approve(self, reference: Reference, environment: str, verdict: Verdict, reason: str = "") -> Approval:
        """Approve or reject a version for an environment; it replaces what this actor said before."""
        with self._changing() as transaction:
            return approvals.approved(transaction, reference, environment, verdict, reason)

    def withdraw(self, reference: Reference, environment: str, reason: str = "") -> None:
        """Take back what this actor said; raises NotFoundError if there is nothing."""
        with self._changing() as transaction:
            approvals.withdrawn(transaction, reference, environment, reason)

    def approvals(self, reference: Reference) -> list[Approval]:
        """Everybody's newest word on a version, for all environments, expired ones too."""
        with self._database.reading() as connection:
            version = catalogue.version_in(connection, reference)
            return approvals.approvals_in(connection, version, catalogue.id_of(connection, version))

    def apply_policy(self, policy: Policy, reason: str = "") -> tuple[str, ...]:
        """Put a policy in force; what it makes easier in protected environments, for which there must be a reason."""
        with self._changing() as transaction:
            return policies.applied(transaction, policy, reason)

    def policy(self, model: str) -> Policy:
        """The policy in force for a model: its own, else the one for all, else the built-in one."""
        with self._database.reading() as connection:
            return policies.in_force(connection, model)

    # The past

    def history(self, model: str, environment: str = "") -> list[Move]:
        """Every move of a model's aliases, or of one of them, the oldest first; from the audit log alone.

        Raises NotFoundError for what is no environment and never was an alias, StateError where the log lacks a move.
        """
        self.model(model)
        told = list(moves(self.audit.entries(model=model)))
        known = {*self.policy(model).environments, *(move.alias for move in told)}
        if environment and environment not in known:
            raise NotFoundError(f"{model!r} never had an alias {environment!r}{meant(environment, sorted(known))}")
        return [move for move in told if environment in {"", move.alias}]

    def at(self, model: str, environment: str, moment: float) -> Held | None:
        """Which version was the environment's at a time, and who put it there; raises as `history` does.

        Raises UsageError for a time that has not come yet.
        """
        check_past(moment, self._clock())
        return held_at(self.history(model, environment), moment)

    def _changing(self) -> AbstractContextManager[Transaction]:
        return changing(self._database, actor=self.actor, clock=self._clock, gone=self._gone)
