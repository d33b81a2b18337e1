"""What a verification found, line by line."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from auditkit.attestation.manifest import Problem

State = Literal["holds", "mismatch", "not checked"]
SignatureState = Literal["trusted", "unknown key", "mismatch"]


@dataclass(frozen=True)
class Line:
    """One thing that was looked at.

    Attributes:
        subject: what.
        state: whether it is as it should be.
        says: in words, with counts.
        proves: what follows if it holds, and what does not.
        problems: files that are not as they should be.
    """

    subject: str
    state: State
    says: str
    proves: str
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class SignatureLine:
    """One signature. All but the key is the signer's claim.

    Attributes:
        file: in the run's folder.
        state: by a trusted key over the present folder; by a key that was not given; or wrong.
        key_id: sha256 of the public key, as stated; of a trusted one: as verified.
        role: performed, reviewed or approved.
        meaning: of the role.
        name: of the signer.
        organisation: of the signer.
        signed_at: UTC, by the signer's clock.
        trusted: file of the public key that verified it; empty if none did.
        problem: what is wrong; empty if nothing is.
    """

    file: str
    state: SignatureState
    key_id: str = ""
    role: str = ""
    meaning: str = ""
    name: str = ""
    organisation: str = ""
    signed_at: str = ""
    trusted: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Verification:
    """All lines about one folder."""

    folder: Path
    lines: tuple[Line, ...]
    signatures: tuple[SignatureLine, ...]

    @property
    def mismatches(self) -> tuple[str, ...]:
        """Every file that is not as it should be, with what is wrong."""
        found = [
            f"{problem.file} {problem.what}" for line in self.lines for problem in line.problems
        ]
        wrong = [s for s in self.signatures if s.state == "mismatch"]
        return (*found, *(f"{s.file} {s.problem}" for s in wrong))

    @property
    def status(self) -> int:
        """0: proven; 1: mismatch; 2: nobody known signed."""
        if self.mismatches:
            return 1
        return 0 if any(s.state == "trusted" for s in self.signatures) else 2


def line(subject: str, says: str, proves: str, problems: tuple[Problem, ...] = ()) -> Line:
    """A line that holds if there is no problem."""
    return Line(subject, "mismatch" if problems else "holds", says, proves, problems)
