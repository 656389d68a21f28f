"""Whoever changes anything in a pack is refused, and the message names the file."""

import base64
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.pack.conftest import Signed
from tests.unit.pack.packs import KINDS, edit_record, made, new_key, packed, restate
from tests.unit.report.conftest import Record, proof
from validation.core.errors import UsageError
from validation.pack import archive
from validation.pack.signing import PAYLOAD_TYPE, signed
from validation.pack.statement import ENVELOPE, STATEMENT
from validation.pack.verification import verify_pack

RUN = "20261123-093000-aaaa"


def test_a_pack_that_nobody_changed_is_verified(signed_pack: Signed) -> None:
    found = verify_pack(signed_pack.pack, signed_pack.public)
    assert (found.problems, found.unchecked, found.signed) == ([], [], True)
    assert found.run is not None
    assert str(found.run.verdict) == "NO-GO"


def test_its_archive_is_verified_as_well_and_is_the_same_each_time(signed_pack: Signed) -> None:
    file = signed_pack.pack.with_name("one.pack.tar.gz")
    before = file.read_bytes()
    with archive.opened(file) as folder:
        assert verify_pack(folder, signed_pack.public).problems == []
        files = {f.relative_to(folder).as_posix(): f.read_bytes() for f in folder.rglob("*") if f.is_file()}
    assert archive.write(signed_pack.pack, files).read_bytes() == before


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
@pytest.mark.parametrize("kind", KINDS)
def test_the_envelope_is_what_the_specification_says_and_openssl_verifies_it(
    kind: str, new_record: Callable[[str], Record], tmp_path: Path
) -> None:
    private, public = new_key(tmp_path, kind)
    pack = made(new_record(RUN), tmp_path / "a.pack", private)
    envelope = json.loads((pack / ENVELOPE).read_bytes())
    payload = base64.b64decode(envelope["payload"])
    assert payload == (pack / STATEMENT).read_bytes()
    encoded = b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)
    (tmp_path / "encoded").write_bytes(encoded)
    (tmp_path / "signature").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    raw = ["-rawin"] if kind == "ed25519" else ["-rawin", "-digest", "sha256"]
    words = [
        "openssl",
        "pkeyutl",
        "-verify",
        "-pubin",
        "-inkey",
        public,
        *raw,
        "-in",
        tmp_path / "encoded",
        "-sigfile",
        tmp_path / "signature",
    ]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip() == "Signature Verified Successfully"


FILES = [
    f"{RUN}/results.jsonl",
    f"{RUN}/results.json",
    f"{RUN}/index.html",
    f"{RUN}/junit.xml",
    f"{RUN}/summary.md",
    "proofs.jsonl",
    STATEMENT,
    ENVELOPE,
]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(FILES), at=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_any_flipped_bit_is_refused(name: str, at: float, bit: int, signed_pack: Signed) -> None:
    file = signed_pack.pack / name
    before = bytearray(file.read_bytes())
    changed = bytearray(before)
    changed[int(at * len(before))] ^= 1 << bit
    file.write_bytes(changed)
    try:
        problems = verify_pack(signed_pack.pack, signed_pack.public).problems
    finally:
        file.write_bytes(before)
    if name != ENVELOPE:  # a bit of white space or of the key's id may change nothing that counts
        assert any(name.rpartition("/")[2] in problem for problem in problems), problems


def flip_the_verdict_in_the_page(pack: Path) -> None:
    file = pack / RUN / "index.html"
    file.write_text(file.read_text().replace("NO-GO", "GO"))


def edit_results(pack: Path) -> None:
    file = pack / RUN / "results.json"
    file.write_text(file.read_text().replace('"NO-GO"', '"GO"'))


def drop_a_line(pack: Path) -> None:
    file = pack / RUN / "results.jsonl"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[:2] + lines[3:]))


def seal_again(pack: Path) -> None:
    def right(events: list[dict[str, Any]]) -> None:
        for event in events:
            event.update({"ok": True, "observed": "422"} if event["event"] == "observation" else {})
            event.update({"outcome": "passed"} if event["event"] == "scenario_finished" else {})

    edit_record(pack, right)


def swap_a_subject(pack: Path) -> None:
    stated = json.loads((pack / STATEMENT).read_bytes())
    stated["subject"][0]["digest"] = {"gitCommit": "0" * 40}
    (pack / STATEMENT).write_text(json.dumps(stated))


def state_a_pass(pack: Path) -> None:
    restate(pack, result="PASSED", passedTests=["5.1", "5.2"], failedTests=[])


def forge_a_proof(pack: Path) -> None:
    file = pack / "proofs.jsonl"
    file.write_text(file.read_text().replace("observed 201", "observed 500"))


def remove_a_file(pack: Path) -> None:
    (pack / RUN / "summary.md").unlink()


def add_a_file(pack: Path) -> None:
    (pack / "note.txt").write_text("trust me")


def add_a_link(pack: Path) -> None:
    (pack / "link").symlink_to(pack / STATEMENT)


def remove_the_envelope(pack: Path) -> None:
    (pack / ENVELOPE).unlink()


def break_the_envelope(pack: Path) -> None:
    (pack / ENVELOPE).write_text('{"payload": 1}')


def break_the_statement(pack: Path) -> None:
    (pack / STATEMENT).write_text("{")


FORGERIES: dict[Callable[[Path], object], tuple[str, str]] = {
    flip_the_verdict_in_the_page: ("index.html was changed", "index.html is not what the record leads to"),
    edit_results: ("results.json was changed", "results.json has"),
    drop_a_line: ("results.jsonl was changed", "results.jsonl was changed after the run"),
    seal_again: ("results.jsonl was changed", "results.json has"),
    swap_a_subject: (f"holds another statement than {STATEMENT}", f"{STATEMENT} does not follow from the record"),
    state_a_pass: (f"holds another statement than {STATEMENT}", f"{STATEMENT} does not follow from the record"),
    forge_a_proof: ("proofs.jsonl was changed", "proofs.jsonl has no proof of D3"),
    remove_a_file: ("summary.md is missing", ""),
    add_a_file: ("note.txt is not in the statement", ""),
    add_a_link: ("link is not a regular file", "link is not a regular file"),
    remove_the_envelope: (f"{ENVELOPE} is missing", ""),
    break_the_envelope: (f"{ENVELOPE} cannot be read", ""),
    break_the_statement: (f"{STATEMENT} cannot be read", ""),
}  # fmt: skip


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__)
def test_a_forgery_of_a_signed_pack_is_refused(forge: Callable[[Path], object], signed_pack: Signed) -> None:
    forge(signed_pack.pack)
    problems = verify_pack(signed_pack.pack, signed_pack.public).problems
    assert any(FORGERIES[forge][0] in problem for problem in problems), problems


@pytest.mark.parametrize("forge", [forge for forge, (_, said) in FORGERIES.items() if said], ids=lambda forge: forge.__name__)
def test_a_forgery_with_matching_digests_is_refused_even_without_a_signature(
    forge: Callable[[Path], object], new_record: Callable[[str], Record], tmp_path: Path, same_state: None  # noqa: ARG001 - a fixture
) -> None:  # fmt: skip
    pack = made(new_record(RUN), tmp_path / "a.pack", None)
    forge(pack)
    restate(pack)
    problems = verify_pack(pack, None).problems
    assert any(FORGERIES[forge][1] in problem for problem in problems), problems


def test_the_record_of_another_pack_is_refused(signed_pack: Signed, new_record: Callable[[str], Record]) -> None:
    other = new_record("20261124-093000-bbbb")
    other.start(["5.1", "5.2"], proofs=[proof("D3", "5.1"), proof("D4", "5.2")])
    other.passes("5.1", "5.2")
    second = packed(other.end(), signed_pack.pack.with_name("two.pack"), signed_pack.private)
    shutil.copy(next(second.glob("*/results.jsonl")), signed_pack.pack / RUN / "results.jsonl")
    assert (
        f"{RUN}/results.jsonl was changed: its digest is not the one in the statement."
        in verify_pack(signed_pack.pack, signed_pack.public).problems
    )
    shutil.copytree(second, signed_pack.pack, dirs_exist_ok=True)
    assert verify_pack(signed_pack.pack, signed_pack.public).problems != []


def test_another_key_is_refused(signed_pack: Signed, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    _, other = new_key(tmp_path / "other")
    found = verify_pack(signed_pack.pack, other)
    assert found.problems == [f"{ENVELOPE} is not signed by the owner of {other}."]
    assert not found.signed


def test_a_pack_signed_again_by_someone_else_is_refused(signed_pack: Signed, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    private, _ = new_key(tmp_path / "other")
    state_a_pass(signed_pack.pack)
    (signed_pack.pack / ENVELOPE).write_bytes(signed((signed_pack.pack / STATEMENT).read_bytes(), private))
    assert (
        verify_pack(signed_pack.pack, signed_pack.public).problems[0] == f"{ENVELOPE} is not signed by the owner of {signed_pack.public}."
    )


def test_without_a_key_the_signature_is_not_checked(signed_pack: Signed) -> None:
    found = verify_pack(signed_pack.pack, None)
    assert (found.problems, found.signed) == ([], False)
    assert found.unchecked == ["Who signed it: no public key was given with --key."]


def test_a_checkpoint_without_a_proof_is_named(new_record: Callable[[str], Record], tmp_path: Path, same_state: None) -> None:  # noqa: ARG001
    run = new_record(RUN)
    run.start(["5.1", "5.2", "B3"], proofs=[proof("D3", "5.1"), proof("D4", "5.2", stale=True)])
    run.passes("5.1", "5.2", "B3")
    found = verify_pack(packed(run.end(), tmp_path / "a.pack", None), None)
    assert found.problems == []
    assert any(sentence.endswith("at the time of the run: 5.2, B3.") for sentence in found.unchecked)


@pytest.mark.parametrize("text", ["", "no key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
def test_a_file_that_is_not_a_key_names_the_command_that_makes_one(text: str, signed_pack: Signed, tmp_path: Path) -> None:
    (tmp_path / "wrong.pem").write_text(text)
    for use in (lambda: verify_pack(signed_pack.pack, tmp_path / "wrong.pem"), lambda: signed(b"", tmp_path / "wrong.pem")):
        with pytest.raises(UsageError, match="Try: openssl genpkey"):
            use()
