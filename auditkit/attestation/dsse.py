"""Signed envelopes: DSSE v1.0 (https://github.com/secure-systems-lab/dsse), one signature in each."""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Final

from auditkit.attestation.digests import canonical_json

IN_TOTO: Final = "application/vnd.in-toto+json"


@dataclass(frozen=True)
class Envelope:
    """A payload with the signature over it.

    Attributes:
        payload: bytes, as they were signed.
        payload_type: how to read them; signed too.
        key_id: which key is said to have signed: a hint, not signed.
        signature: over `pae` of type and payload.
    """

    payload: bytes
    payload_type: str
    key_id: str
    signature: bytes

    def to_bytes(self) -> bytes:
        """The JSON envelope, in the one form that `from_bytes` reads."""
        return canonical_json(
            {
                "payload": base64.b64encode(self.payload).decode(),
                "payloadType": self.payload_type,
                "signatures": [
                    {"keyid": self.key_id, "sig": base64.b64encode(self.signature).decode()}
                ],
            }
        )

    @classmethod
    def from_bytes(cls, content: bytes) -> "Envelope":
        """Read an envelope that `to_bytes` wrote.

        Raises:
            ValueError: it is none, or has another form. No digest covers an envelope: only if it has one
                form does any changed byte show, also one that leaves its meaning (a space, a spare bit).
        """
        try:
            data = json.loads(content)
            (signature,) = data["signatures"]
            found = cls(
                base64.b64decode(data["payload"], validate=True),
                str(data["payloadType"]),
                str(signature["keyid"]),
                base64.b64decode(signature["sig"], validate=True),
            )
        except (ValueError, KeyError, TypeError, binascii.Error, RecursionError) as error:
            raise ValueError("is not an envelope with one signature (DSSE)") from error
        if found.to_bytes() != content:
            raise ValueError("is not in the form in which it was written when it was signed")
        return found


def pae(payload_type: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: what is signed."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
