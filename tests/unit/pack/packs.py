"""A small signed pack, and what someone without the private key can do to it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.unit.report.conftest import Record, proof
from validation.pack import archive, contents
from validation.pack.contents import PROOFS_FILE, digests
from validation.pack.signing import signed
from validation.pack.statement import ENVELOPE, STATEMENT, statement
from validation.record.recorder import _seal
from validation.report.model import load
from validation.report.write import write_all

KINDS: dict[str, Callable[[], Any]] = {"ed25519": Ed25519PrivateKey.generate, "ecdsa": lambda: generate_private_key(SECP256R1())}


def new_key(folder: Path, kind: str = "ed25519") -> tuple[Path, Path]:
    """Return the files of a new private key and of its public key."""
    private, public = folder / f"{kind}.pem", folder / f"{kind}.pub.pem"
    key = KINDS[kind]()
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return private, public


def made(run: Record, place: Path, key: Path | None) -> Path:
    """Return the folder of a pack of a run in which 5.1 failed, 5.2 passed, and both have proofs."""
    run.start(["5.1", "5.2"], proofs=[proof("D3", "5.1"), proof("D4", "5.2")])
    run.scenario("5.1", ("status", "422", "201"))
    run.passes("5.2")
    folder = run.end()
    return packed(folder, place, key)


def packed(folder: Path, place: Path, key: Path | None) -> Path:
    write_all(folder)
    loaded = load(folder)
    files = {f"{folder.name}/{name}": content for name, content in contents._of_run(folder)}
    files[PROOFS_FILE] = b"".join(
        json.dumps(
            {"defect": one.defect, "bench": "here", "checkpoints": one.checkpoints, "finding": one.finding, "at": one.at, "digests": {}}
        ).encode()
        + b"\n"
        for one in loaded.started.proofs
    )
    payload = json.dumps(statement(loaded, digests(files), [])).encode()
    files |= {STATEMENT: payload} | ({ENVELOPE: signed(payload, key)} if key else {})
    archive.write(place, files)
    return place


def edit_record(pack: Path, change: Callable[[list[dict[str, Any]]], object]) -> None:
    """Change the events of a record and write it with new seals, as someone would who knows how they are made."""
    (file,) = pack.glob("*/results.jsonl")
    events = [json.loads(line.partition(" ")[2]) for line in file.read_text().splitlines()]
    change(events)
    seal, lines = "", []
    for event in events:
        line = json.dumps(event, separators=(",", ":"))
        seal = _seal(seal, line)
        lines.append(f"{seal} {line}\n")
    file.write_text("".join(lines))


def restate(pack: Path, **predicate: Any) -> None:
    """Write the statement anew for the files that are there now, with other words in its predicate."""
    stated = json.loads((pack / STATEMENT).read_bytes())
    files = {f.relative_to(pack).as_posix(): f.read_bytes() for f in pack.rglob("*") if f.is_file() and f.name not in {STATEMENT, ENVELOPE}}
    stated["predicate"]["configuration"] = [{"name": name, "digest": {"sha256": digest}} for name, digest in sorted(digests(files).items())]
    stated["predicate"] |= predicate
    (pack / STATEMENT).write_text(json.dumps(stated))
