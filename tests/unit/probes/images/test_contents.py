"""Checkpoints on the contents of an image: a clean image passes, and each problem is a finding of its own step."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from features.steps.images import contents as steps
from tests.unit.probes.images import saved
from tests.unit.probes.images.saved import CERTIFICATE, KEY, File
from validation.core.errors import Finding
from validation.core.settings import PROJECT, RunSettings
from validation.images.source import DIGEST_LABEL, digest
from validation.probes.images import contents
from validation.probes.images.inspection import MB, Image, Layer
from validation.record.events import Observed
from validation.record.observe import Observe

AWS = "AKIA" + "Z" * 16
GITHUB = "ghp_" + "a" * 36
Check = Callable[[Image, Observe], None]


def uid_is_right(image: Image, observe: Observe) -> None:
    steps.runs_as(image, 65532, observe)


def writes_nothing(image: Image, observe: Observe) -> None:
    steps.writes_nothing(65532, image, observe)


WRONG: list[tuple[str, Check, list[File], dict[str, Any], str]] = [
    ("wrong user", uid_is_right, [], {"User": "1000:1000"}, "1000:1000"),
    ("root by name", uid_is_right, [], {"User": "root"}, "root"),
    ("no user", uid_is_right, [], {"User": ""}, "none, so root"),
    ("a name for a user", uid_is_right, [], {"User": "nonroot:nonroot"}, "nonroot:nonroot"),
    ("no group, which defaults to root", uid_is_right, [], {"User": "65532"}, "65532"),
    ("a shell", steps.has_no_shell, [File("usr/bin/dash", "x", 0o755)], {}, "/usr/bin/dash"),
    ("a shell as a link", steps.has_no_shell, [File("bin/sh", target="dash")], {}, "/bin/sh"),
    ("a shell in an unusual folder", steps.has_no_shell, [File("opt/busybox", "x", 0o711)], {}, "/opt/busybox"),
    ("apt", steps.has_no_shell, [File("usr/bin/apt-get", "x", 0o755)], {}, "/usr/bin/apt-get"),
    ("dpkg", steps.has_no_shell, [File("usr/bin/dpkg", "x", 0o755)], {}, "/usr/bin/dpkg"),
    ("pip", steps.has_no_shell, [File("usr/local/bin/pip3.13", "x", 0o755)], {}, "/usr/local/bin/pip3.13"),
    (
        "pip without its program",
        steps.has_no_shell,
        [File("usr/lib/python3/dist-packages/pip-25.1.dist-info/METADATA", "Name: pip\n")],
        {},
        "/usr/lib/python3/dist-packages/pip-25.1.dist-info/METADATA",
    ),
    ("setuid", steps.grants_no_privileges, [File("usr/bin/su", "x", 0o4755)], {}, "/usr/bin/su 4755 0:0"),
    ("setgid", steps.grants_no_privileges, [File("usr/bin/wall", "x", 0o2755, gid=5)], {}, "/usr/bin/wall 2755 0:5"),
    (
        "capabilities",
        steps.grants_no_privileges,
        [File("usr/bin/ping", "x", 0o755, pax={"SCHILY.xattr.security.capability": "\1"})],
        {},
        "/usr/bin/ping",
    ),
    ("a world-writable file", writes_nothing, [File("app/system/x.py", "x", 0o666)], {}, "/app/system/x.py 0666 0:0"),
    ("a world-writable folder", writes_nothing, [File("data/", mode=0o777)], {}, "/data 0777 0:0"),
    ("a temporary folder without a sticky bit", writes_nothing, [File("tmp/", mode=0o777)], {}, "/tmp 0777 0:0"),  # noqa: S108 - in the image
    ("writable by root's group", writes_nothing, [File("etc/x", "x", 0o664)], {}, "/etc/x 0664 0:0"),
    ("writable by its own group", writes_nothing, [File("etc/x", "x", 0o664, gid=65532)], {}, "/etc/x 0664 0:65532"),
    ("owned by its own user", writes_nothing, [File("app/system/x.py", "x", 0o644, uid=65532)], {}, "/app/system/x.py 0644 65532:0"),
    (
        "a module that others cannot read",
        steps.readable_by_any_user,
        [File("app/system/x.py", "x", 0o640)],
        {},
        "/app/system/x.py 0640 0:0",
    ),
    ("a folder that others cannot enter", steps.readable_by_any_user, [File("app/secret/", mode=0o754)], {}, "/app/secret 0754 0:0"),
    ("tests", steps.no_leftovers, [File("app/packages/greenlet/tests/x.py", "x")], {}, "/app/packages/greenlet/tests/x.py: a test"),
    ("a test of the system", steps.no_leftovers, [File("app/system/test_api.py", "x")], {}, "/app/system/test_api.py: a test"),
    (
        "a compiler",
        steps.no_leftovers,
        [File("usr/bin/x86_64-linux-gnu-gcc-14", "x", 0o755)],
        {},
        "/usr/bin/x86_64-linux-gnu-gcc-14: a compiler",
    ),
    ("a pip cache", steps.no_leftovers, [File("root/.cache/pip/http/1", "x")], {}, "/root/.cache/pip/http/1: a cache"),
    (
        "apt lists",
        steps.no_leftovers,
        [File("var/lib/apt/lists/deb.debian.org_x", "x")],
        {},
        "/var/lib/apt/lists/deb.debian.org_x: a cache",
    ),
    ("a git repository", steps.no_leftovers, [File("app/.git/config", "x")], {}, "/app/.git/config: a repository file"),
    ("a temporary file", steps.no_leftovers, [File("tmp/requirements.txt", "x")], {}, ": a temporary file"),
    ("pins", steps.no_leftovers, [File("app/requirements.txt", "x")], {}, "/app/requirements.txt: a list of pins"),
    ("a password in ENV", steps.no_secret, [], {"Env": ["DB_PASSWORD=hunter2"]}, "configuration: DB_PASSWORD=…"),
    ("a URL with a password in ENV", steps.no_secret, [], {"Env": ["U=redis://:x@h/0"]}, "configuration: a password in a URL"),
    ("a key in a label", steps.no_secret, [], {"Labels": {"x": f"key {AWS}"}}, "configuration: AWS key"),
    ("a token in the name of a label", steps.no_secret, [], {"Labels": {"deploy-token": "x"}}, "configuration: deploy-token=…"),
    ("a key", steps.no_secret, [File("app/x.txt", f"k = '''{KEY}'''")], {}, "layer 3: /app/x.txt: private key"),
    ("an AWS key", steps.no_secret, [File("app/x.py", f"k='{AWS}'")], {}, "layer 3: /app/x.py: AWS key"),
    ("a GitHub token", steps.no_secret, [File("app/x.py", f"t='{GITHUB}'")], {}, "layer 3: /app/x.py: GitHub token"),
    ("a .env", steps.no_secret, [File("app/.env", "A=1")], {}, "layer 3: /app/.env: name of a secret"),
    ("a .pem with a private key", steps.no_secret, [File("etc/x.pem", KEY)], {}, "layer 3: /etc/x.pem: name of a secret, private key"),
    (
        "a key file",
        steps.no_secret,
        [File("etc/ssl/private/server.key", "x")],
        {},
        "layer 3: /etc/ssl/private/server.key: name of a secret",
    ),
    ("an SSH folder", steps.no_secret, [File("root/.ssh/known_hosts", "x")], {}, "layer 3: /root/.ssh/known_hosts: name of a secret"),
    (
        "a user with a password",
        steps.no_secret,
        [File("etc/shadow", "root:*:1:\nx:$6$a:1:\n")],
        {},
        "layer 3: /etc/shadow: password of a user",
    ),
    ("a user without a password", steps.no_secret, [File("etc/shadow", "root::1:\n")], {}, "layer 3: /etc/shadow: password of a user"),
]


@pytest.fixture
def seen() -> list[Observed]:
    return []


@pytest.fixture
def observe(seen: list[Observed]) -> Observe:
    return Observe("test", seen.append)


@pytest.mark.parametrize(
    "check", [uid_is_right, steps.has_no_shell, steps.grants_no_privileges, writes_nothing, steps.no_leftovers, steps.no_secret]
)
def test_a_clean_image_has_no_findings(check: Check, tmp_path: Path, observe: Observe, seen: list[Observed]) -> None:
    check(saved.image(tmp_path), observe)

    assert seen
    assert all(fact.ok for fact in seen)


@pytest.mark.parametrize(("problem", "check", "files", "config", "observed"), WRONG, ids=[wrong[0] for wrong in WRONG])
def test_each_problem_is_found_and_named(  # noqa: PLR0913, PLR0917 - the columns of the table
    problem: str, check: Check, files: list[File], config: dict[str, Any], observed: str, tmp_path: Path, observe: Observe
) -> None:
    with pytest.raises(Finding) as found:
        check(saved.image(tmp_path, *files, config=config), observe)

    assert any(observed in fact.observed for fact in found.value.observations if not fact.ok), problem


@pytest.mark.parametrize(
    "file",
    [
        File("etc/ssl/certs/x.pem", CERTIFICATE),
        File("app/packages/x/keys.py", 'if line == "-----BEGIN PRIVATE KEY-----":\n'),
        File("etc/shadow", "root:*:1:\nmail:!:1:\n"),
        File("usr/share/bash-completion/completions/apt", "x"),
        File("usr/share/dpkg/sh/", mode=0o755),
        File("etc/cron.daily/dpkg", "x", 0o755),
        File("var/mail/", mode=0o2775, gid=8),
        File("dev/shm/", mode=0o1777),
        File("usr/lib/python3.13/test/__init__.py", "x"),
        File("app/packages/alembic/testing/assertions.py", "x"),
        File("app/system/__pycache__/x.cpython-313.pyc", "x"),
        File("usr/bin/test", "x", 0o755),
    ],
    ids=lambda file: file.path,
)
def test_what_only_resembles_a_problem_is_not_a_finding(file: File, tmp_path: Path, observe: Observe) -> None:
    image = saved.image(tmp_path, file)
    for check in (steps.has_no_shell, steps.grants_no_privileges, writes_nothing, steps.no_leftovers, steps.no_secret):
        check(image, observe)


def test_public_keys_empty_values_and_references_are_not_secrets(tmp_path: Path) -> None:
    env = ["GPG_KEY=7169605F62C751356D054A26A821E680E5FA6305", "PASSWORD=", "TOKEN=$TOKEN", "PYTHON_SHA256=" + "a" * 64]

    assert contents.secrets(saved.image(tmp_path, config={"Env": env})) == []


def test_a_secret_that_a_later_layer_deletes_is_found(tmp_path: Path, observe: Observe) -> None:
    image = saved.image(tmp_path, File("build/id_rsa", KEY), above=[File("build/.wh.id_rsa"), File(".wh.build")])

    assert "/build/id_rsa" not in image.files
    with pytest.raises(Finding, match="layer 3: /build/id_rsa: name of a secret, private key"):
        steps.no_secret(image, observe)


def test_a_secret_in_an_instruction_is_found_but_its_value_is_not_shown(tmp_path: Path) -> None:
    found = contents.secrets(saved.image(tmp_path, history=["|1 API_KEY=hunter2 /bin/sh -c curl -H token https://u:pass@h/"]))

    assert found == ["configuration: API_KEY=…", "configuration: a password in a URL"]


def test_a_shell_that_a_later_layer_deletes_is_not_a_finding(tmp_path: Path) -> None:
    assert contents.shells(saved.image(tmp_path, File("bin/sh", "x", 0o755), above=[File("bin/.wh.sh")])) == []


def test_a_shortened_list_states_how_many_are_missing() -> None:
    assert contents.shorten([str(n) for n in range(50)])[-1] == "… and 10 more"


class TestCurrent:
    def image(self, folder: Path, **labels: str) -> Image:
        named = {name.replace("_", "."): value for name, value in labels.items()}
        return saved.image(folder, config={"Labels": named})

    def test_an_image_of_this_source_has_no_findings(self, tmp_path: Path, observe: Observe) -> None:
        image = saved.image(tmp_path, config={"Labels": {DIGEST_LABEL: digest(PROJECT)}})
        steps.built_from_this_source(image, RunSettings(), observe)

    @pytest.mark.parametrize("labels", [{}, {DIGEST_LABEL: "sha256:of-another-source"}])
    def test_a_stale_image_is_a_finding_with_a_remedy(self, labels: dict[str, str], tmp_path: Path, observe: Observe) -> None:
        with pytest.raises(Finding) as found:
            steps.built_from_this_source(saved.image(tmp_path, config={"Labels": labels}), RunSettings(), observe)
        assert found.value.observations[0].remedy == "make images"

    def modules(self, folder: Path, changed: str = "") -> Image:
        paths = sorted((PROJECT / "system").rglob("*.py"))
        files = [File(f"app/{path.relative_to(PROJECT)}", path.read_bytes()) for path in paths]
        return saved.image(folder, *files, *([File(changed, "x = 1\n")] if changed else []))

    def test_an_image_with_the_modules_of_this_source_has_no_findings(self, tmp_path: Path, observe: Observe) -> None:
        steps.same_modules(self.modules(tmp_path), RunSettings(), observe)

    @pytest.mark.parametrize("path", ["app/system/contract.py", "app/system/api/__init__.py", "app/system/of_no_source.py"])
    def test_a_module_of_another_source_is_a_finding(self, path: str, tmp_path: Path, observe: Observe) -> None:
        with pytest.raises(Finding) as found:
            steps.same_modules(self.modules(tmp_path, path), RunSettings(), observe)
        assert [f"/{path}" in fact.observed for fact in found.value.observations] == [True]

    def test_an_image_without_modules_is_a_finding(self, tmp_path: Path, observe: Observe) -> None:
        with pytest.raises(Finding, match="at least 15"):
            steps.same_modules(saved.image(tmp_path), RunSettings(), observe)

    def test_correct_labels_have_no_findings(self, tmp_path: Path, observe: Observe) -> None:
        labels = {f"{steps.OCI}.title": "voting-api", f"{steps.OCI}.version": "0.3.2", f"{steps.OCI}.revision": "abc"}
        steps.labelled("voting-api", saved.image(tmp_path, config={"Labels": labels}), observe)

    def test_each_label_of_another_image_is_a_finding(self, tmp_path: Path, observe: Observe) -> None:
        labels = {f"{steps.OCI}.title": "voting-consumer", f"{steps.OCI}.version": "0.3.0"}
        with pytest.raises(Finding) as found:
            steps.labelled("voting-api", saved.image(tmp_path, config={"Labels": labels}), observe)
        assert [fact.observed for fact in found.value.observations] == ["voting-consumer", "0.3.0", "missing"]

    @pytest.mark.parametrize(("megabytes", "right"), [(19.9, False), (20, True), (200, True), (200.1, False)])
    def test_the_size_must_be_within_the_range(self, megabytes: float, right: bool, tmp_path: Path, observe: Observe) -> None:
        clean = saved.image(tmp_path)
        image = Image(**{**vars(clean), "layers": (Layer("sha256:1", int(megabytes * MB), "COPY", ()),)})
        if right:
            steps.its_size(image, 20, 200, observe)
        else:
            with pytest.raises(Finding, match=f"observed {megabytes:.1f} MB in 1 layers"):
                steps.its_size(image, 20, 200, observe)
