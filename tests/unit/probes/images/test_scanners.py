"""The third-party scanners find seeded issues, and no configuration of this machine changes that."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from features.steps.images import scanning as steps
from tests.unit.probes.images import saved, vulnerabilities
from tests.unit.probes.images.saved import KEY, File
from validation.core.errors import Finding, NotProven, ProbeError
from validation.probes.images import scanners
from validation.probes.images.inspection import Image
from validation.record.observe import Observe

pytestmark = pytest.mark.skipif(not Path(sys.executable).with_name("trivy").exists(), reason="trivy has no wheel for this machine")
GOOD = "FROM python:3.13-slim\nCOPY a /a\nUSER 65532:65532\n"
SECRET = 'token = "ghp_' + "0123456789abcdefghijABCDEFGHIJklmnop" + '"\n'


@pytest.fixture
def observe() -> Observe:
    return Observe("test", lambda _: None)


def dockerfile(folder: Path, text: str) -> Path:
    file = folder / "api.Dockerfile"
    file.write_text(text, encoding="utf-8")
    return file


class TestDockerfiles:
    def test_a_good_dockerfile_has_no_findings(self, tmp_path: Path, observe: Observe) -> None:
        steps.hadolint_is_silent(dockerfile(tmp_path, GOOD), observe)
        steps.trivy_is_silent(dockerfile(tmp_path, GOOD), observe)

    def test_hadolint_names_rule_and_line(self, tmp_path: Path, observe: Observe) -> None:
        with pytest.raises(Finding, match=r"DL3007 \(warning\) api\.Dockerfile:1: Using latest"):
            steps.hadolint_is_silent(dockerfile(tmp_path, GOOD.replace("3.13-slim", "latest")), observe)

    def test_ignore_comments_and_config_files_do_not_silence_hadolint(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for folder in (tmp_path, tmp_path / ".config"):
            folder.mkdir(exist_ok=True)
            (folder / ".hadolint.yaml").write_text("ignored: [DL3007]\n", encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("HADOLINT_IGNORE", "DL3007")

        assert scanners.hadolint(dockerfile(tmp_path, "# hadolint ignore=DL3007\nFROM python:latest\n"))

    def test_trivy_names_the_rule(self, tmp_path: Path, observe: Observe) -> None:
        with pytest.raises(Finding, match=r"expected DS-0026, observed DS-0002, DS-0026"):
            steps.trivy_is_silent(dockerfile(tmp_path, GOOD.replace("USER 65532:65532\n", "USER root\n")), observe)

    def test_an_accepted_issue_that_no_longer_occurs_is_a_finding(self, tmp_path: Path, observe: Observe) -> None:
        with pytest.raises(Finding, match=r"expected DS-0026, observed none"):
            steps.trivy_is_silent(dockerfile(tmp_path, GOOD + "HEALTHCHECK CMD true\n"), observe)

    def test_variables_and_ignore_files_do_not_silence_trivy(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / ".trivyignore").write_text("DS-0026\n", encoding="utf-8")
        (tmp_path / "trivy.yaml").write_text("severity: [CRITICAL]\n", encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("TRIVY_SEVERITY", "CRITICAL")

        assert [remark.rule for remark in scanners.trivy_dockerfile(dockerfile(tmp_path, GOOD))] == ["DS-0026"]

    def test_a_file_that_trivy_does_not_recognize_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(ProbeError, match=r"did not recognize api\.Dockerfile as a Dockerfile"):
            scanners.trivy_dockerfile(dockerfile(tmp_path, ""))

    def test_a_missing_file_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(ProbeError, match="hadolint failed with exit code 1"):
            scanners.hadolint(tmp_path / "nowhere")

    def test_a_scanner_that_is_not_installed_proves_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(NotProven, match=r"hadolint is not installed\. Try: make setup"):
            scanners.hadolint(dockerfile(tmp_path, GOOD))


class TestSecrets:
    def test_an_image_without_secrets_has_no_findings(self, tmp_path: Path, observe: Observe) -> None:
        steps.trivy_finds_no_secret(saved.image(tmp_path), observe)

    def test_a_secret_that_a_later_layer_deletes_is_found(self, tmp_path: Path, observe: Observe) -> None:
        image = saved.image(tmp_path, File("app/settings.py", SECRET), File("etc/x", KEY), above=[File("app/.wh.settings.py")])
        with pytest.raises(Finding, match=r"/app/settings\.py:1: GitHub Personal Access Token"):
            steps.trivy_finds_no_secret(image, observe)

    def test_a_secret_in_the_configuration_is_found(self, tmp_path: Path) -> None:
        image = saved.image(tmp_path, config={"Env": [SECRET.replace(' = "', "=").strip('"\n')]})

        assert [remark.rule for remark in scanners.trivy_secrets(image)] == ["github-pat"]

    def test_a_replaced_archive_is_an_error(self, tmp_path: Path) -> None:
        image = saved.image(tmp_path)
        saved.docker(image.archive, config={"User": "0"})
        with pytest.raises(ProbeError, match=f"instead of {image.identity}"):
            scanners.trivy_secrets(image)


class TestKnownVulnerabilities:
    @pytest.fixture
    def image(self, tmp_path: Path) -> Image:
        return saved.image(tmp_path)

    def test_a_vulnerability_with_a_fix_is_a_finding(self, image: Image, tmp_path: Path, observe: Observe) -> None:
        database = scanners.vulnerability_db(str(vulnerabilities.make(tmp_path / "cache", {"some": "1.3"})))
        with pytest.raises(Finding, match=r"CVE-2026-1000 \(high\) some 1\.2: A vulnerability of some; fixed in 1\.3"):
            steps.no_fixable_vulnerability(image, database, observe)
        assert sorted(p.name for p in (tmp_path / "cache").iterdir()) == ["db"]

    def test_a_vulnerability_without_a_fix_is_only_evidence(self, image: Image, tmp_path: Path) -> None:
        observations = []
        database = scanners.vulnerability_db(str(vulnerabilities.make(tmp_path / "cache", {"some": "", "absent": "2"})))
        steps.no_fixable_vulnerability(image, database, Observe("test", observations.append))

        assert "1 more without a fix: ['CVE-2026-1001 (high) some 1.2: A vulnerability of some']" in observations[0].evidence

    def test_the_db_folder_itself_is_accepted(self, tmp_path: Path) -> None:
        folder = vulnerabilities.make(tmp_path / "cache", {}) / "db"

        assert scanners.vulnerability_db(str(folder)).folder == folder

    def test_no_database_proves_nothing(self) -> None:
        with pytest.raises(NotProven, match="--vulnerability-db DIR"):
            scanners.vulnerability_db("")

    def test_a_folder_without_a_database_proves_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(NotProven, match=r"There is no trivy\.db in"):
            scanners.vulnerability_db(str(tmp_path))

    def test_an_old_database_proves_nothing(self, tmp_path: Path) -> None:
        old = vulnerabilities.make(tmp_path / "cache", {}, datetime.now(UTC) - timedelta(days=31))
        with pytest.raises(NotProven, match="older than 30 days"):
            scanners.vulnerability_db(str(old))

    @pytest.mark.parametrize(
        "text", ["", "{}", "[]", '{"UpdatedAt": "yesterday"}', '{"UpdatedAt": 1}', '{"UpdatedAt": "2026-11-24T00:00:00"}']
    )
    def test_a_database_of_unknown_age_proves_nothing(self, text: str, tmp_path: Path) -> None:
        folder = vulnerabilities.make(tmp_path / "cache", {})
        (folder / "db" / "metadata.json").write_text(text, encoding="utf-8")
        with pytest.raises(NotProven, match=r"The age of .* is unknown|older"):
            scanners.vulnerability_db(str(folder))

    def test_a_base_without_a_package_list_is_not_proven(self, tmp_path: Path, observe: Observe) -> None:
        with pytest.raises(NotProven, match="it is a base without a package list"):
            steps.base_image_lists_packages(saved.image(tmp_path, File("var/lib/dpkg/.wh.status.d")), observe)

    def test_a_base_with_a_package_list_has_no_findings(self, image: Image, observe: Observe) -> None:
        steps.base_image_lists_packages(image, observe)
