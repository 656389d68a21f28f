"""Steps about what scanners say of the images, and about the bill of what they are made of."""

from pathlib import Path

from packaging.utils import NormalizedName, canonicalize_name
from pytest_bdd import given, parsers, then, when

from validation.core.errors import NotProven
from validation.core.settings import RunSettings
from validation.probes.images import sbom, scanners
from validation.probes.images.inspection import Image
from validation.probes.images.packages import APP, SITE_PACKAGES, Package, base_lists_packages, packages, pins, unowned_files
from validation.probes.images.scanners import Issue, VulnerabilityDatabase
from validation.record.observe import Observe

ACCEPTED = {"DS-0026": "HEALTHCHECK: Kubernetes does not read it; probes are the chart's, and checkpoint 4.4 judges them"}
"""What trivy finds in a Dockerfile and we do not follow, with the reason. One that is no longer found must go from here."""
BILL = "sbom-{part}.json"


@given(parsers.parse("the Dockerfile of the {part}"), target_fixture="dockerfile")
def the_dockerfile(part: str, settings: RunSettings) -> Path:
    return settings.source / "system" / "images" / f"{part}.Dockerfile"


@then("hadolint has no remark")
def hadolint_is_silent(dockerfile: Path, observe: Observe) -> None:
    observe(f"hadolint on {dockerfile.name}", expected=[], observed=_told(scanners.hadolint(dockerfile)), remedy=f"hadolint {dockerfile}")


@then("trivy has no remark but those that are answered")
def trivy_is_silent(dockerfile: Path, observe: Observe) -> None:
    found = scanners.trivy_dockerfile(dockerfile)
    observe(
        f"trivy on {dockerfile.name}",
        expected=sorted(ACCEPTED),
        observed=sorted({remark.rule for remark in found}),
        evidence="\n".join(_told(found)) + f"\nanswered: {ACCEPTED}",
        remedy=f"trivy config {dockerfile}",
    )


@then("trivy finds no secret in any of its layers")
def trivy_finds_no_secret(image: Image, observe: Observe) -> None:
    observe(
        f"trivy's search for secrets in {image.name}",
        expected=[],
        observed=_told(scanners.trivy_secrets(image)),
        evidence=f"layers of {image.identity}: {[layer.digest for layer in image.layers]}",
        remedy="who has the image has the secret: change it, and build without it",
    )


@when("the bill of its materials is written", target_fixture="found")
def write_bill(image: Image, settings: RunSettings) -> tuple[Package, ...]:
    found = packages(image)
    settings.folder.mkdir(parents=True, exist_ok=True)
    _bill(image, settings).write_text(sbom.cyclonedx(image, found), encoding="utf-8")
    return found


@then("CycloneDX's schema finds it right")
def bill_is_valid(image: Image, settings: RunSettings, observe: Observe) -> None:
    file = _bill(image, settings)
    said = sbom.schema_error(file.read_text(encoding="utf-8"))
    observe(f"{file.name}, in the folder of this report", expected="CycloneDX 1.6", observed=said or "CycloneDX 1.6")


@then("it names every pin that applies in the very version, and no other package of ours")
def bill_is_pinned(image: Image, found: tuple[Package, ...], settings: RunSettings, observe: Observe) -> None:
    file = settings.source / "system" / "images" / f"{_part(image)}-requirements.txt"
    wanted, ours = pins(file, image), {canonicalize_name(p.name): p.version for p in found if p.path.startswith(APP)}
    with observe.together():
        observe(
            f"Python packages of ours in {image.name}, against {file.name}",
            expected=f"{len(wanted)} packages",
            observed=f"{len(ours)} packages, {_differences(wanted, ours)}",
            holds=bool(wanted) and wanted == ours,
            evidence=" ".join(f"{name}=={version}" for name, version in sorted(ours.items())),
            remedy="make images",
        )
        observe(
            f"files in {SITE_PACKAGES} of no package",
            expected=[],
            observed=unowned_files(image)[:40],
            remedy=f"pins in {file.name} for what is copied",
        )


@then("every package in it has a name and a version, and those without a licence are listed")
def bill_is_complete(image: Image, found: tuple[Package, ...], settings: RunSettings, observe: Observe) -> None:
    nameless = [p.path for p in found if not (p.name and p.version)]
    observe(f"packages without name or version in {_bill(image, settings).name}", expected=[], observed=nameless)
    free, base = [p for p in found if not p.licences], [p for p in found if not p.path.startswith(APP)]
    observe(
        f"packages in {_bill(image, settings).name}",
        expected="each listed, with its licence where it names one",
        observed=f"{len(found)} packages, {len(base)} of them of {_base(image)}; {len(free)} name no licence",
        holds=bool(found),
        evidence=f"no licence: {' '.join(f'{p.kind}:{p.name}' for p in free) or 'none'}",
    )


@given("a database of known flaws", target_fixture="database")
def database_of_flaws(settings: RunSettings) -> VulnerabilityDatabase:
    return scanners.vulnerability_db(settings.vulnerability_db)


@then("its base image keeps a list of what it is made of")
def base_is_whole(image: Image, observe: Observe) -> None:
    if not base_lists_packages(image):
        raise NotProven(f"Flaws in the base of {image.name} cannot be known: it is {_base(image)}. Try: build on the published base image")
    observe(f"package of the C library of {image.name}", expected="listed", observed="listed")


@then("no package in it has a known flaw that a newer version mends")
def no_flaw(image: Image, database: VulnerabilityDatabase, observe: Observe) -> None:
    found = scanners.trivy_vulnerabilities(image, database)
    waiting = [remark for remark in found if not remark.fixed_in]
    observe(
        f"flaws of packages in {image.name} that a newer version mends",
        expected=[],
        observed=_told(tuple(remark for remark in found if remark.fixed_in)),
        evidence=f"database of {database.updated:%Y-%m-%d}; {len(waiting)} more that nothing mends yet: {_told(tuple(waiting))}",
        remedy="make lock, or a newer base image; then make images",
    )


def _told(remarks: tuple[Issue, ...]) -> list[str]:
    return [str(remark) for remark in remarks]


def _part(image: Image) -> str:
    return image.name.partition(":")[0].removeprefix("voting-")


def _base(image: Image) -> str:
    return "a base that lists its packages" if base_lists_packages(image) else "a base that keeps no list of its packages"


def _bill(image: Image, settings: RunSettings) -> Path:
    return settings.folder / BILL.format(part=_part(image))


def _differences(wanted: dict[NormalizedName, str], found: dict[NormalizedName, str]) -> str:
    names = sorted(wanted.keys() | found.keys())
    pairs = ((name, wanted.get(name, "nothing"), found.get(name, "nothing")) for name in names)
    return "; ".join(f"{name}: pinned {pin}, found {seen}" for name, pin, seen in pairs if pin != seen) or "the very ones"
