"""`auditkit keygen`, `sign`, `verify`, `digest`, `register`, `pack`: who answers for a run, what it says."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from auditkit.commands.fetching import at_hand
from auditkit.errors import AuditError
from auditkit.spec.card_folders import card_folders

if TYPE_CHECKING:
    from auditkit.spec.catalogue import AnyCard
    from auditkit.spec.load import Audit

_ROLES = ("performed", "reviewed", "approved")


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the commands."""
    keygen = commands.add_parser("keygen", help="a pair of keys for signatures (Ed25519)")
    keygen.add_argument("name", type=Path, metavar="NAME", help="writes NAME.key and NAME.pub")
    keygen.set_defaults(run=_keygen)
    sign = commands.add_parser("sign", help="sign a run in a role")
    sign.add_argument("folder", type=Path, metavar="RUN", help="a run's folder")
    sign.add_argument("--key", type=Path, required=True, metavar="FILE", help="your NAME.key")
    sign.add_argument("--role", choices=_ROLES, required=True, help="what the signature means")
    sign.add_argument("--name", default="", metavar="NAME", help="of the person who signs")
    sign.add_argument("--organisation", default="", metavar="NAME", help="for whom")
    sign.set_defaults(run=_sign)
    pack = commands.add_parser("pack", help="copy the evidence of a run into its folder")
    pack.add_argument("folder", type=Path, metavar="RUN", help="a run's folder")
    pack.set_defaults(run=_pack)
    verify = commands.add_parser(
        "verify",
        help="whether a run is untouched, and who signed it (0 proven, 1 mismatch, 2 unsigned)",
    )
    _add_verify(verify)
    digest = commands.add_parser(
        "digest", help="sha256 of what a run found and judged, however and wherever it was computed"
    )
    digest.add_argument("folders", nargs="+", type=Path, metavar="RUN", help="a run's folder")
    digest.set_defaults(run=_digest)
    for command in (sign, pack, verify):
        command.add_argument(
            "--store",
            type=Path,
            metavar="PLACE",
            help="folder or URL of the evidence (default: as evidence.json says)",
        )
    _add_register(commands.add_parser("register", help="record specs before a run"))


def _add_verify(verify: argparse.ArgumentParser) -> None:
    verify.add_argument(
        "folder", type=Path, metavar="RUN", help="a run's folder, or a REGISTRATION.json"
    )
    verify.add_argument(
        "--key",
        action="append",
        type=Path,
        default=[],
        metavar="PUB",
        help="public key of a signer whom you know; repeatable",
    )
    verify.add_argument("--keys", type=Path, metavar="DIR", help="folder of public keys (*.pub)")
    verify.add_argument("--format", choices=("text", "json"), default="text")
    verify.set_defaults(run=_verify)


def _add_register(register: argparse.ArgumentParser) -> None:
    register.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH", help="specs, or folders of specs"
    )
    register.add_argument(
        "--out", type=Path, metavar="FILE", help="default: REGISTRATION.json in the paths' folder"
    )
    register.add_argument("--reason", default="", metavar="TEXT", help="why there is another entry")
    register.add_argument(
        "--key", type=Path, metavar="FILE", help="your NAME.key, to sign the entry"
    )
    register.add_argument(
        "--cards",
        action="append",
        type=Path,
        metavar="DIR",
        help="folder with cards (default: audit_cards of pytest's settings, else fixtures); repeatable",
    )
    register.set_defaults(run=_register)


def _keygen(given: argparse.Namespace) -> int:
    from auditkit.attestation.keys import PASSPHRASE, new_keys

    private, public, key_id = new_keys(given.name)
    print(f"{private}  private: keep it to yourself; encrypted if {PASSPHRASE} is set")
    print(f"{public}  public: give it to those who will verify, on a way that they trust")
    print(f"key {key_id}")
    return 0


def _sign(given: argparse.Namespace) -> int:
    """Sign only what `auditkit verify` would not call a mismatch."""
    from auditkit.attestation.keys import read_signing_key
    from auditkit.attestation.signing import Signer, sign
    from auditkit.attestation.verifying import verify
    from auditkit.commands.page_again import check_page

    key = read_signing_key(given.key)
    with at_hand(given.folder, given.store) as store:
        found = verify(given.folder, store=store, page=check_page)
    wrong = found.mismatches
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise AuditError(
            f"{given.folder} is not signed, as it is not what it says: {wrong[0]}{more}; look at: auditkit "
            f"verify {given.folder}"
        )
    print(sign(given.folder, key, Signer(given.role, given.name, given.organisation)))
    # Who signs answers for these too.
    for line in found.lines:
        if line.state == "not checked":
            print(f"  not checked: {line.subject}: {line.says}")
    return 0


def _verify(given: argparse.Namespace) -> int:
    from auditkit.attestation.keys import read_trusted_keys
    from auditkit.attestation.verifying import verify
    from auditkit.attestation.verifying_record import verify_record
    from auditkit.commands.page_again import check_page
    from auditkit.commands.verification_text import as_json, as_text

    if not given.folder.exists():
        raise AuditError(f"{given.folder} does not exist; a run's folder was expected")
    keys = read_trusted_keys(given.key, given.keys)
    with at_hand(given.folder, given.store) as store:
        found = (
            verify(given.folder, keys, store, check_page)
            if given.folder.is_dir()
            else verify_record(given.folder, keys)
        )
    print(as_json(found) if given.format == "json" else as_text(found))
    return found.status


def _digest(given: argparse.Namespace) -> int:
    """A line per run, as sha256sum prints them; 1 if they differ."""
    from auditkit.comparison.runs import FinishedRun
    from auditkit.results.digest import found_digest

    found = [found_digest(FinishedRun.read(folder).results) for folder in given.folders]
    for folder, digest in zip(given.folders, found, strict=True):
        print(f"{digest}  {folder}")
    return int(len(set(found)) > 1)


def _pack(given: argparse.Namespace) -> int:
    from auditkit.attestation.shards import pack

    with at_hand(given.folder, given.store) as store:
        folder, shards, size = pack(given.folder, store)
    print(f"{folder}  {shards} shards, {size / 1e6:.1f} MB")
    return 0


def _register(given: argparse.Namespace) -> int:
    from auditkit import __version__
    from auditkit.attestation.keys import read_signing_key
    from auditkit.attestation.registration import default_record, register

    audits = _audits(given)
    specs = {audit.path: audit.digest for audit in audits}
    cards = {path: digest for audit in audits for path, digest in _cards(audit)}
    record = given.out or default_record(given.paths)
    key = read_signing_key(given.key) if given.key else None
    entry = register(specs, cards, record, f"auditkit {__version__}", given.reason, key)
    if entry is None:
        print(f"{record} says so already; nothing was added")
        return 0
    signed = f", signed by key {key.id}" if key else ""
    print(f"{record}  {len(entry.specs)} specs, {len(entry.cards)} cards, {entry.time}{signed}")
    print(f"total sha256 {entry.total}")
    print("Commit it before the run: a commit that others hold is what shows when it existed.")
    return 0


def _audits(given: argparse.Namespace) -> "list[Audit]":
    from auditkit.spec.catalogue import catalogue
    from auditkit.spec.load import find_specs, load_audit

    files = find_specs(given.paths)
    if not files:
        names = ", ".join(str(path) for path in given.paths)
        raise AuditError(f"{names}: no spec (*.audit.yaml) was found there")
    cards = catalogue(given.cards or card_folders())
    return [load_audit(path, cards) for path in files]


def _cards(audit: "Audit") -> list[tuple[Path, str]]:
    """The cards that a spec names, with their digests: those of data, and what lies beside them.

    A model's own card is not known before a run, and neither are counterfactual generators, which
    belong to models.
    """
    from auditkit.spec.answers_card import AnswersCard
    from auditkit.spec.assessment import AssessmentCard

    beside = audit.beside
    recorded = [card for card in beside.assessments.values() if isinstance(card, AssessmentCard)]
    named: tuple[AnyCard, ...] = (
        audit.data,
        *beside.data.values(),
        *beside.others.values(),
        *beside.generators.values(),
        *recorded,
        *beside.ratings.values(),
        *(card for card in beside.answers.values() if isinstance(card, AnswersCard)),
    )
    return [(card.path, card.digest) for card in named]
