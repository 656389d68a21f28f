"""Steps that run scanners on Dockerfiles and images, and that write their SBOM."""

from pathlib import Path

from packaging.utils import NormalizedName, canonicalize_name
from pytest_bdd import given, parsers, then, when

from validation.core.errors import NotProven
from validation.core.settings import RunSettings
from validation.probes.images import scanners
from validation.probes.images.inspection import Image
from validation.probes.images.packages import APP, SITE_PACKAGES, Package, base_lists_packages, packages, pins, unowned_files
from validation.probes.images.scanners import Issue, VulnerabilityDatabase
from validation.record.observe import Observe

ACCEPTED = {"DS-0026": "HEALTHCHECK: Kubernetes does not read it; the chart has probes, and checkpoint 4.4 validates them"}
"""Findings of trivy in a Dockerfile that are accepted, with the reason. Remove one that trivy no longer reports."""
SBOM = "sbom-{part}.json"


@given(parsers.parse("the Dockerfile of the {part}"), target_fixture="dockerfile")
def the_dockerfile(part: str, settings: RunSettings) -> Path:
    return settings.source / "system" / "images" / f"{part}.Dockerfile"


@then("hadolint reports nothing")
def hadolint_is_silent(dockerfile: Path, observe: Observe) -> None:
    found = _lines(scanners.hadolint(dockerfile))
    observe(f"hadolint on {dockerfile.name}", expected=[], observed=found, remedy=f"hadolint {dockerfile}", file=dockerfile)


@then("trivy reports nothing but accepted findings")
def trivy_is_silent(dockerfile: Path, observe: Observe) -> None:
    found = scanners.trivy_dockerfile(dockerfile)
    observe(
        f"trivy on {dockerfile.name}",
        expected=sorted(ACCEPTED),
        observed=sorted({issue.rule for issue in found}),
        evidence="\n".join(_lines(found)) + f"\naccepted: {ACCEPTED}",
        remedy=f"trivy config {dockerfile}",
        file=dockerfile,
    )


@then("trivy finds no secret in any of its layers")
def trivy_finds_no_secret(image: Image, observe: Observe) -> None:
    observe(
        f"secrets that trivy finds in {image.name}",
        expected=[],
        observed=_lines(scanners.trivy_secrets(image)),
        evidence=f"layers of {image.identity}: {[layer.digest for layer in image.layers]}",
        remedy="everyone who has the image has the secret: revoke it, and build without it",
    )


@when("its SBOM is written", target_fixture="found")
def write_sbom(image: Image, settings: RunSettings) -> tuple[Package, ...]:
    from validation.probes.images import sbom  # noqa: PLC0415 - takes a quarter of a second to import, and few runs need it

    found = packages(image)
    settings.folder.mkdir(parents=True, exist_ok=True)
    _sbom_file(image, settings).write_text(sbom.cyclonedx(image, found), encoding="utf-8")
    return found


@then("the SBOM is valid CycloneDX")
def sbom_is_valid(image: Image, settings: RunSettings, observe: Observe) -> None:
    from validation.probes.images import sbom  # noqa: PLC0415 - likewise

    file = _sbom_file(image, settings)
    problem = sbom.schema_error(file.read_text(encoding="utf-8"))
    observe(f"{file.name}, in the folder of this report", expected="CycloneDX 1.6", observed=problem or "CycloneDX 1.6")


@then("it lists exactly the pinned Python packages in their pinned versions")
def sbom_is_pinned(image: Image, found: tuple[Package, ...], settings: RunSettings, observe: Observe) -> None:
    file = settings.source / "system" / "images" / f"{_part(image)}-requirements.txt"
    pinned, installed_packages = pins(file, image), {canonicalize_name(p.name): p.version for p in found if p.path.startswith(APP)}
    with observe.together():
        observe(
            f"Python packages in {image.name}, compared with {file.name}",
            expected=f"{len(pinned)} packages",
            observed=f"{len(installed_packages)} packages, {_differences(pinned, installed_packages)}",
            holds=bool(pinned) and pinned == installed_packages,
            evidence=" ".join(f"{name}=={version}" for name, version in sorted(installed_packages.items())),
            remedy="make images",
        )
        observe(
            f"files in {SITE_PACKAGES} that belong to no package",
            expected=[],
            observed=unowned_files(image)[:40],
            remedy=f"pin in {file.name} what is copied",
        )


@then("every package in it has a name and a version, and packages without a licence are reported")
def sbom_is_complete(image: Image, found: tuple[Package, ...], settings: RunSettings, observe: Observe) -> None:
    nameless = [p.path for p in found if not (p.name and p.version)]
    observe(f"packages without name or version in {_sbom_file(image, settings).name}", expected=[], observed=nameless)
    unlicensed, base = [p for p in found if not p.licences], [p for p in found if not p.path.startswith(APP)]
    observe(
        f"packages in {_sbom_file(image, settings).name}",
        expected="some",
        observed=f"{len(found)} packages, {len(base)} of them from {_base(image)}; {len(unlicensed)} without a licence",
        holds=bool(found),
        evidence=f"without a licence: {' '.join(f'{p.kind}:{p.name}' for p in unlicensed) or 'none'}",
    )


@given("a vulnerability database", target_fixture="database")
def vulnerability_database(settings: RunSettings) -> VulnerabilityDatabase:
    return scanners.vulnerability_db(settings.vulnerability_db)


@then("its base image lists its packages")
def base_image_lists_packages(image: Image, observe: Observe) -> None:
    if not base_lists_packages(image):
        raise NotProven(
            f"Vulnerabilities in the base of {image.name} are unknown: it is {_base(image)}. Try: build on the published base image"
        )
    observe(f"package of the C library in {image.name}", expected="listed", observed="listed")


@then("no package in it has a known vulnerability with a fix")
def no_fixable_vulnerability(image: Image, database: VulnerabilityDatabase, observe: Observe) -> None:
    found = scanners.trivy_vulnerabilities(image, database)
    unfixed = [issue for issue in found if not issue.fixed_in]
    observe(
        f"vulnerabilities of packages in {image.name} that a newer version fixes",
        expected=[],
        observed=_lines(tuple(issue for issue in found if issue.fixed_in)),
        evidence=f"database of {database.updated:%Y-%m-%d}; {len(unfixed)} more without a fix: {_lines(tuple(unfixed))}",
        remedy="run make lock or use a newer base image, then make images",
    )


def _lines(issues: tuple[Issue, ...]) -> list[str]:
    return [str(issue) for issue in issues]


def _part(image: Image) -> str:
    return image.name.partition(":")[0].removeprefix("voting-")


def _base(image: Image) -> str:
    return "a base that lists its packages" if base_lists_packages(image) else "a base without a package list"


def _sbom_file(image: Image, settings: RunSettings) -> Path:
    return settings.folder / SBOM.format(part=_part(image))


def _differences(pinned: dict[NormalizedName, str], found: dict[NormalizedName, str]) -> str:
    names = sorted(pinned.keys() | found.keys())
    pairs = ((name, pinned.get(name, "nothing"), found.get(name, "nothing")) for name in names)
    return "; ".join(f"{name}: pinned {pin}, found {seen}" for name, pin, seen in pairs if pin != seen) or "in the pinned versions"
