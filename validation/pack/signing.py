"""Signatures: a DSSE envelope around the statement, signed with a local Ed25519 or ECDSA key.

Source: DSSE, Dead Simple Signing Envelope, v1, as `securesystemslib` implements it.
"""

import json
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import Error
from securesystemslib.signer import CryptoSigner, SSlibKey  # type: ignore[attr-defined] # what __init__ imports, it documents

from validation.core.errors import UsageError

PAYLOAD_TYPE = "application/vnd.in-toto+json"
GENERATE = "openssl genpkey -algorithm ed25519 -out key.pem && openssl pkey -in key.pem -pubout -out key.pub.pem"


def signed(payload: bytes, key: Path) -> bytes:
    """Return an envelope around a payload, as JSON.

    Args:
        payload: the statement, byte for byte as its file has it.
        key: file of a private key, PEM without a password.

    Raises:
        UsageError: the key cannot be read or is of another kind.
    """
    try:
        signer = CryptoSigner(load_pem_private_key(key.read_bytes(), password=None))
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm, Error) as error:
        raise _unusable("private", key, error) from error
    envelope = Envelope(payload, PAYLOAD_TYPE, {})
    envelope.sign(signer)
    return json.dumps(envelope.to_dict(), indent=2).encode() + b"\n"


def payload_of(envelope: bytes) -> bytes:
    """Return what an envelope holds, whoever signed it.

    Raises:
        ValueError: it is not an envelope around a statement.
    """
    return _read(envelope).payload


def is_signed_by(envelope: bytes, key: Path) -> bool:
    """Return whether the owner of a public key signed an envelope.

    Raises:
        UsageError: the key cannot be read or is of another kind.
        ValueError: it is not an envelope around a statement.
    """
    try:
        public = SSlibKey.from_crypto(load_pem_public_key(key.read_bytes()))
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm, Error) as error:
        raise _unusable("public", key, error) from error
    try:
        _read(envelope).verify([public], 1)
    except Error:
        return False
    return True


def _read(envelope: bytes) -> Envelope:
    try:
        found = Envelope.from_dict(json.loads(envelope))
    except (KeyError, TypeError, AttributeError, Error) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error
    if found.payload_type != PAYLOAD_TYPE:
        raise ValueError(f"its payload is {found.payload_type}")
    return found


def _unusable(kind: str, key: Path, error: Exception) -> UsageError:
    return UsageError(f"{key} is not a {kind} key that can be used here: {error}", "it is encrypted, or not Ed25519 or ECDSA", GENERATE)
