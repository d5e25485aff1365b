"""`cm sign`: sign a version with its provenance, verify it, show what was signed. What holds, provenance decides."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cmcore.cli.invocation import Invocation

if TYPE_CHECKING:
    from cmcore.provenance.signing.attachments import Attachments
    from cmcore.registry.values import ModelVersion
    from cmcore.stack import Project

VERSION = "version"


class Signing(click.Group):
    """A group that can do without the name of a command: `cm sign flights@1.2.0` signs."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is named, or the one that signs a version."""
        return super().resolve_command(ctx, args if args[0] in self.commands else [VERSION, *args])


PASSWORD_SECRET = click.option(
    "--password-secret", default="", metavar="NAME", help="The secret with the key's password, instead of a question."
)


@click.group(cls=Signing, context_settings={"ignore_unknown_options": True}, subcommand_metavar="MODEL@REF --key FILE")
def sign() -> None:
    """Sign a version with its provenance, or verify that.

    A signature covers every file of the model (a Sigstore bundle by model-signing). With it goes a statement of how the
    model was made: SLSA provenance from the lineage, and the model card as it is now, each signed with the same key.
    They are kept beside the registry; the model's files stay as they are. The gate `signed` of a policy demands a
    signature by a key that it names.

    \b
    Examples:
      cm sign keygen release.key
      cm sign flights@1.2.0 --key release.key
      cm sign verify flights@1.2.0 --public-key release.key.pub
      cm sign show flights@1.2.0

    \b
    Exit codes: 0 done, 64 the key cannot be used, 66 no such version, 74 the model's bytes are not what was registered,
    77 the signature does not hold, 78 signing is not installed.
    """


@sign.command(hidden=True, name=VERSION)
@click.argument("reference", metavar="MODEL@REF")
@click.option("--key", required=True, type=click.Path(path_type=Path), metavar="FILE", help="The private key.")
@PASSWORD_SECRET
@click.option("--json", "as_json", is_flag=True, help="What was signed, and the key's fingerprint, as JSON.")
@click.pass_context
def version(context: click.Context, *, reference: str, key: Path, password_secret: str, as_json: bool) -> None:
    """Sign a version: its files, how they were made, and its card.

    \b
    Examples:
      cm sign flights@1.2.0 --key release.key
      CM_SECRET_RELEASE=... cm sign flights@staging --key release.key --password-secret release

    \b
    Exit codes: 0 signed, 64 the key cannot be used, 66 no such version, 74 the model's bytes are not what was
    registered, 78 signing is not installed.
    """
    from cmcore import __version__
    from cmcore.cli.output import echo_json
    from cmcore.cli.view.wording import plural
    from cmcore.provenance.signing.version import Key, made_of, sealed, sign_version
    from cmcore.registry.names import Reference
    from cmcore.stack.accounts import card as card_of

    asked = Reference.parse(reference)
    with (context.find_object(Invocation) or Invocation()).project() as project:
        meant = project.registry.version(asked)
        imported = is_imported(project, meant)
        folder, files = sealed(project.payloads, meant.facts.uri, meant.facts.digest, imported=imported)
        made = made_of(meant, files, project.lineage, software=__version__)
        opened = Key(file=key, password=password_of(key, password_secret))
        card = card_of(project, meant.reference).model_dump(mode="json")
        signer = sign_version(made, folder, opened, attachments_of(project), card=card)
    if as_json:
        echo_json({"version": str(meant), "digest": meant.facts.digest, "signer": signer, "files": sorted(files)})
    else:
        count = plural(len(files), "file")
        click.echo(f"signed {meant} ({meant.facts.digest[:19]}): {count}, provenance, card; by {signer}")


@sign.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--curve", type=click.Choice(("P-256", "P-384", "P-521")), default="P-256", show_default=True, help="")
@PASSWORD_SECRET
@click.option("--no-password", is_flag=True, help="Leave the private key unencrypted; whoever reads it can sign.")
def keygen(*, file: Path, curve: str, password_secret: str, no_password: bool) -> None:
    """Make a key pair: FILE for whoever signs, FILE.pub for policies.

    \b
    Examples:
      cm sign keygen release.key
      CM_SECRET_RELEASE=... cm sign keygen release.key --password-secret release

    \b
    Exit codes: 0 made, 64 the file exists, 78 signing is not installed.
    """
    from cmcore.provenance.signing.keys import generate

    password = "" if no_password else new_password(password_secret)
    found = generate(file, password=password, curve=curve)
    click.echo(f"made {file} (keep it secret) and {file}.pub (give it to policies)\n{found}")


@sign.command()
@click.argument("reference", metavar="MODEL@REF")
@click.option(
    "--public-key", "keys", multiple=True, type=click.Path(path_type=Path), metavar="FILE",
    help="A key that is trusted; may be repeated.  [default: those of the model's policy]",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="The finding as JSON.")
@click.pass_context
def verify(context: click.Context, *, reference: str, keys: Sequence[Path], as_json: bool) -> None:
    """Say whether a trusted key signed exactly these files, and the statements that go with them.

    \b
    Examples:
      cm sign verify flights@production --public-key release.key.pub
      cm sign verify flights@production

    \b
    Exit codes: 0 it holds, 64 no key is named, 66 no such version, 77 it does not hold.
    """
    from cmcore.cli.output import echo_json
    from cmcore.errors import RefusedError
    from cmcore.provenance.signing.version import signature_finding
    from cmcore.registry.names import Reference

    asked = Reference.parse(reference)
    with (context.find_object(Invocation) or Invocation()).project() as project:
        meant = project.registry.version(asked)
        imported = is_imported(project, meant)
        folder = project.payloads.input(meant.facts.uri, meant.facts.digest, imported=imported).path
        trusted = [public_text(key) for key in keys] or policy_keys(project, meant.model)
        finding = signature_finding(attachments_of(project), meant.facts.digest, folder, trusted)
    if as_json:
        echo_json({
            "version": str(meant), "valid": finding.valid, "signer": finding.signer, "reason": finding.reason
        })  # fmt: skip
        context.exit(0 if finding.valid else RefusedError.exit_code)
    if not finding.valid:
        raise RefusedError(f"{meant} is not signed by a trusted key: {finding.reason}")
    click.echo(f"{meant} is signed by {finding.signer}: {finding.reason}")


@sign.command()
@click.argument("reference", metavar="MODEL@REF")
@click.option("--card", is_flag=True, help="The model card that was signed, instead of the provenance.")
@click.pass_context
def show(context: click.Context, *, reference: str, card: bool) -> None:
    """Print the newest statement that was signed, as JSON; whether it holds, cm sign verify says.

    \b
    Examples:
      cm sign show flights@1.2.0
      cm sign show flights@1.2.0 --card

    \b
    Exit codes: 0 shown, 66 no such version, or nothing was signed.
    """
    from cmcore.cli.output import echo_json
    from cmcore.errors import NotFoundError
    from cmcore.provenance.signing.attachments import Kind
    from cmcore.provenance.signing.version import statement_of
    from cmcore.registry.names import Reference

    asked = Reference.parse(reference)
    with (context.find_object(Invocation) or Invocation()).project() as project:
        meant = project.registry.version(asked)
        found = statement_of(attachments_of(project), meant.facts.digest, Kind.CARD if card else Kind.PROVENANCE)
    if not found:
        raise NotFoundError(f"nothing was signed of {meant}; sign it: cm sign {meant} --key FILE")
    echo_json(found)


def is_imported(project: Project, meant: ModelVersion) -> bool:
    """Whether the model lies where others keep it."""
    record = project.lineage.artifact(meant.facts.artifact) if meant.facts.artifact else None
    return record is not None and bool(record.facts.get("imported"))


def attachments_of(project: Project) -> Attachments:
    """Where a project keeps signatures."""
    from cmcore.provenance.signing.attachments import Attachments

    return Attachments(project.database, actor=project.actor)


def policy_keys(project: Project, model: str) -> list[str]:
    """The keys that any environment of the model trusts; raises UsageError where there are none."""
    from cmcore.errors import UsageError

    environments = project.registry.policy(model).environments.values()
    gates = [gate.signed for environment in environments for gate in environment.gates if gate.signed]
    keys = [key for gate in gates for key in gate.keys]
    if not keys:
        raise UsageError(f"the policy of {model} names no keys; give those that you trust: --public-key FILE")
    return list(dict.fromkeys(keys))


def public_text(file: Path) -> str:
    """The PEM text of a public key; raises UsageError for anything else."""
    from cmcore.provenance.signing.keys import key_bytes
    from cmcore.registry.policy import fingerprint

    text = key_bytes(file).decode("ascii", "replace")
    fingerprint(text)
    return text


def password_of(key: Path, secret: str) -> str:
    """The password of a private key: none if it is not encrypted, a secret's value, or what is typed."""
    from cmcore.components.secret import looked_up
    from cmcore.provenance.signing.keys import is_encrypted

    if not is_encrypted(key):
        return ""
    return looked_up(secret) if secret else str(click.prompt(f"password of {key}", hide_input=True, err=True))


def new_password(secret: str) -> str:
    """A password for a new key: a secret's value, or what is typed twice."""
    from cmcore.components.secret import looked_up

    if secret:
        return looked_up(secret)
    return str(click.prompt("password for the new key", hide_input=True, confirmation_prompt=True, err=True))
