"""The packages of an image, the pins that apply to it, and its SBOM."""

import json
from pathlib import Path
from typing import Any

import pytest

from features.steps.images import scanning as steps
from tests.unit.probes.images import saved
from tests.unit.probes.images.saved import File
from validation.core.errors import Finding, ProbeError
from validation.core.settings import RunSettings
from validation.probes.images import packages, sbom
from validation.probes.images.inspection import Image
from validation.probes.images.packages import Package
from validation.record.events import Observed
from validation.record.observe import Observe

DPKG = """Package: bash
Status: install ok installed
Version: 5.2.37-2+b5
Architecture: amd64
Description: a shell
 that goes on

Package: gone
Status: deinstall ok config-files
Version: 1
"""
DEP5 = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nLicense: GPL-3+\n\nFiles: x\nLicense: MIT\n"


def metadata(name: str, version: str, *lines: str) -> File:
    return File(
        f"app/packages/{name}-{version}.dist-info/METADATA", "\n".join([f"Name: {name}", f"Version: {version}", *lines, "", "text"])
    )


def named(image: Image) -> dict[str, Package]:
    return {package.name: package for package in packages.packages(image)}


class TestPackages:
    @pytest.mark.parametrize(
        ("lines", "licences"),
        [
            (["License-Expression: MIT OR Apache-2.0", "License: something else"], ("MIT OR Apache-2.0",)),
            (["License: BSD-3-Clause"], ("BSD-3-Clause",)),
            (["License: UNKNOWN", "Classifier: License :: OSI Approved :: MIT License"], ("MIT License",)),
            (["License: " + "whole text " * 50, "Classifier: License :: OSI Approved :: ISC License (ISCL)"], ("ISC License (ISCL)",)),
            (["Classifier: License :: OSI Approved", "Classifier: Topic :: Internet"], ()),
            ([], ()),
        ],
    )
    def test_a_python_package_has_its_licence(self, lines: list[str], licences: tuple[str, ...], tmp_path: Path) -> None:
        package = named(saved.image(tmp_path, metadata("other", "2.0", *lines)))["other"]

        assert (package.kind, package.version, package.licences) == ("pypi", "2.0", licences)

    def test_installed_debian_packages_are_read_from_one_file(self, tmp_path: Path) -> None:
        found = named(saved.image(tmp_path, File("var/lib/dpkg/status", DPKG), File("usr/share/doc/bash/copyright", DEP5)))

        assert found["bash"] == Package("deb", "bash", "5.2.37-2+b5", ("GPL-3+", "MIT"), "/var/lib/dpkg/status", "amd64")
        assert "gone" not in found

    def test_debian_packages_are_read_from_one_file_each_as_in_distroless(self, tmp_path: Path) -> None:
        text = "This is under /usr/share/common-licenses/LGPL-2.1.\n"
        found = named(
            saved.image(tmp_path, File("usr/share/doc/libc6/copyright", text), File("var/lib/dpkg/status.d/libc6.md5sums", "0  x\n"))
        )

        assert found["libc6"] == Package("deb", "libc6", "2.41-12", ("LGPL-2.1",), "/var/lib/dpkg/status.d/libc6", "amd64")

    def test_an_interpreter_outside_any_package_is_listed(self, tmp_path: Path) -> None:
        assert named(saved.image(tmp_path, config={"Env": ["PYTHON_VERSION=3.13.9"]}))["python"].version == "3.13.9"

    def test_a_deleted_package_is_not_listed(self, tmp_path: Path) -> None:
        assert "some" not in named(saved.image(tmp_path, File("app/packages/.wh.some-1.2.dist-info")))

    def test_invalid_metadata_gives_a_package_without_a_name(self, tmp_path: Path) -> None:
        image = saved.image(tmp_path, File("app/packages/odd-1.dist-info/METADATA", b"\xff\xfe\x00\n\n: :"))

        assert [p.name for p in packages.packages(image) if p.path.startswith("/app/packages/odd")] == [""]

    @pytest.mark.parametrize(("deleted", "listed"), [([], True), (["var/lib/dpkg/.wh.status.d"], False)])
    def test_a_base_without_a_package_list_is_detected(self, deleted: list[str], listed: bool, tmp_path: Path) -> None:
        assert packages.base_lists_packages(saved.image(tmp_path, *(File(path) for path in deleted))) is listed


class TestPins:
    def pins(self, tmp_path: Path, text: str) -> dict[Any, str]:
        (tmp_path / "pins.txt").write_text(text, encoding="utf-8")
        return packages.pins(tmp_path / "pins.txt", saved.image(tmp_path))

    def test_markers_are_evaluated_for_the_image(self, tmp_path: Path) -> None:
        text = """# made by make lock
Some_Package==1.0 \\
    --hash=sha256:aa
    # via other
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:bb
uvloop==0.22 ; platform_python_implementation != 'PyPy' and sys_platform != 'win32'
old==1 ; python_full_version < '3.13'
new==2 ; python_full_version >= '3.13'
amd==3 ; platform_machine == 'x86_64'
arm==3 ; platform_machine == 'aarch64'
"""
        assert self.pins(tmp_path, text) == {"some-package": "1.0", "uvloop": "0.22", "new": "2", "amd": "3"}

    @pytest.mark.parametrize("line", ["some>=1.0", "some", "some==1,==2", "some===", "@@"])
    def test_a_line_that_is_not_a_pin_is_an_error(self, line: str, tmp_path: Path) -> None:
        with pytest.raises(ProbeError, match=r"Cannot read pins\.txt as a list of pins"):
            self.pins(tmp_path, line if line[0].isalnum() else f"x{line}")

    def test_a_missing_list_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(ProbeError, match="No such file"):
            packages.pins(tmp_path / "nowhere.txt", saved.image(tmp_path))

    @pytest.mark.parametrize("files", [[File("usr/bin/.wh.python3.13")], [File("usr/local/bin/python3.14", "x", 0o755)]])
    def test_an_image_must_have_exactly_one_interpreter(self, files: list[File], tmp_path: Path) -> None:
        with pytest.raises(ProbeError, match="interpreters"):
            packages.python_version(saved.image(tmp_path, *files))


class TestSbom:
    @pytest.fixture
    def image(self, tmp_path: Path) -> Image:
        return saved.image(
            tmp_path, metadata("two", "1.0", "License-Expression: MIT AND PSF-2.0"), File("var/lib/dpkg/status", DPKG),
            File("usr/share/doc/bash/copyright", DEP5),
        )  # fmt: skip

    def test_it_is_valid_and_lists_each_package_with_version_licence_and_purl(self, image: Image) -> None:
        document = sbom.cyclonedx(image, packages.packages(image))

        assert sbom.schema_error(document) == ""
        components = {c["name"]: c for c in json.loads(document)["components"]}
        assert components["two"]["licenses"] == [{"expression": "MIT AND PSF-2.0"}]
        assert components["some"]["purl"] == "pkg:pypi/some@1.2"
        assert components["bash"]["purl"] == "pkg:deb/debian/bash@5.2.37-2%2Bb5?arch=amd64&distro=debian-13"
        assert components["bash"]["licenses"] == [{"license": {"id": "MIT"}}, {"license": {"name": "GPL-3+"}}]
        assert "licenses" not in components["libc6"]
        assert json.loads(document)["metadata"]["component"]["name"] == "voting-api"

    def test_an_image_always_has_the_same_sbom(self, image: Image) -> None:
        assert sbom.cyclonedx(image, packages.packages(image)) == sbom.cyclonedx(image, packages.packages(image))

    def test_an_image_without_a_creation_time_has_an_sbom(self, image: Image) -> None:
        undated = Image(**{**vars(image), "created": ""})

        assert sbom.schema_error(sbom.cyclonedx(undated, packages.packages(undated))) == ""

    @pytest.mark.parametrize("change", [{"bomFormat": "Other"}, {"components": [{"type": "library"}]}, {"serialNumber": "1"}])
    def test_an_invalid_document_is_detected(self, image: Image, change: dict[str, Any]) -> None:
        document = json.loads(sbom.cyclonedx(image, packages.packages(image))) | change

        assert sbom.schema_error(json.dumps(document))


class TestSteps:
    @pytest.fixture
    def seen(self) -> list[Observed]:
        return []

    @pytest.fixture
    def observe(self, seen: list[Observed]) -> Observe:
        return Observe("test", seen.append)

    @pytest.fixture
    def settings(self, tmp_path: Path) -> RunSettings:
        (tmp_path / "system" / "images").mkdir(parents=True)
        (tmp_path / "system" / "images" / "api-requirements.txt").write_text("some==1.2\n", encoding="utf-8")
        return RunSettings(source=tmp_path, reports=tmp_path / "reports", run="r")

    def test_the_sbom_of_a_clean_image_is_written_to_the_reports_folder(
        self, tmp_path: Path, settings: RunSettings, observe: Observe, seen: list[Observed]
    ) -> None:
        image = saved.image(tmp_path)
        found = steps.write_sbom(image, settings)
        steps.sbom_is_valid(image, settings, observe)
        steps.sbom_is_pinned(image, found, settings, observe)
        steps.sbom_is_complete(image, found, settings, observe)

        assert (tmp_path / "reports" / "r" / "sbom-api.json").is_file()
        assert all(fact.ok for fact in seen)
        assert "2 packages, 1 of them from a base that lists its packages; 1 without a licence" in seen[-1].observed
        assert seen[-1].evidence == "without a licence: deb:libc6"

    @pytest.mark.parametrize(
        ("files", "observed"),
        [
            ([metadata("extra", "9")], "extra: pinned nothing, found 9"),
            ([File("app/packages/.wh.some-1.2.dist-info")], "some: pinned 1.2, found nothing"),
            ([File("app/packages/some-1.2.dist-info/METADATA", "Name: some\nVersion: 1.3\n\n")], "some: pinned 1.2, found 1.3"),
            ([File("app/packages/vendored.py", "x")], "/app/packages/vendored.py"),
        ],
    )
    def test_what_differs_from_the_pins_is_a_finding(
        self, files: list[File], observed: str, tmp_path: Path, settings: RunSettings, observe: Observe
    ) -> None:
        image = saved.image(tmp_path, *files)
        with pytest.raises(Finding) as found:
            steps.sbom_is_pinned(image, packages.packages(image), settings, observe)
        assert any(observed in fact.observed for fact in found.value.observations)

    def test_a_package_without_a_version_is_a_finding(self, tmp_path: Path, settings: RunSettings, observe: Observe) -> None:
        image = saved.image(tmp_path, File("app/packages/odd-1.dist-info/METADATA", "Name: odd\n\n"))
        with pytest.raises(Finding, match="odd-1"):
            steps.sbom_is_complete(image, packages.packages(image), settings, observe)

    def test_an_invalid_sbom_is_a_finding(self, tmp_path: Path, settings: RunSettings, observe: Observe) -> None:
        image = saved.image(tmp_path)
        steps.write_sbom(image, settings)
        (settings.folder / "sbom-api.json").write_text('{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": 1}')
        with pytest.raises(Finding):
            steps.sbom_is_valid(image, settings, observe)
