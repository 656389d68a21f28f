"""Write the software bill of materials (SBOM) of an image, in CycloneDX format."""

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime

from cyclonedx.contrib.license.exceptions import InvalidSpdxLicenseException
from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from packageurl import PackageURL

from validation.probes.images.inspection import Image
from validation.probes.images.packages import Package

NAMESPACE = uuid.UUID("6f0a1c52-6df2-4d0b-9e0c-6a3c1f6f2a35")
"""Namespace of the serial numbers, so that an image always has the same SBOM."""


def cyclonedx(image: Image, packages: Iterable[Package]) -> str:
    """Return the SBOM of an image as CycloneDX 1.6 in JSON."""
    name, _, tag = image.name.rpartition(":")
    root = Component(
        name=name,
        version=image.labels.get("org.opencontainers.image.version", tag),
        type=ComponentType.CONTAINER,
        bom_ref=image.identity,
        purl=PackageURL("oci", None, name, image.identity, {"arch": image.architecture, "tag": tag}),
    )
    parts = [_component(image, package) for package in packages]
    bom = Bom(
        serial_number=uuid.uuid5(NAMESPACE, image.identity),
        metadata=BomMetaData(component=root, timestamp=_timestamp(image.created)),
        components=parts,
    )
    bom.register_dependency(root, parts)
    return JsonV1Dot6(bom).output_as_string(indent=2)


def schema_error(document: str) -> str:
    """Return the first error that CycloneDX's own schema finds in an SBOM, or an empty string."""
    from cyclonedx.validation.json import JsonStrictValidator  # noqa: PLC0415 - takes seconds to import, and few runs need it

    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(document)
    return "" if error is None else str(error.data.message if hasattr(error.data, "message") else error.data)


def _component(image: Image, package: Package) -> Component:
    return Component(
        name=package.name,
        version=package.version,
        type=ComponentType.APPLICATION if package.kind == "generic" else ComponentType.LIBRARY,
        bom_ref=f"{package.kind}:{package.name}:{package.version}:{package.path}",
        purl=_purl(image, package),
        licenses=_licences(package),
        properties=[Property(name="votecheck:found-in", value=package.path)],
    )


def _purl(image: Image, package: Package) -> PackageURL:
    if package.kind != "deb":
        return PackageURL(package.kind, None, package.name, package.version)
    release = next((e.content.decode(errors="replace") for e in map(image.files.get, ("/usr/lib/os-release", "/etc/os-release")) if e), "")
    fields = dict(line.split("=", 1) for line in release.splitlines() if "=" in line)
    system, version = fields.get("ID", "debian").strip('"'), fields.get("VERSION_ID", "").strip('"')
    return PackageURL("deb", system, package.name, package.version, {"arch": package.architecture, "distro": f"{system}-{version}"})


def _licences(package: Package) -> list[License]:
    make = LicenseFactory()
    if len(package.licences) == 1:
        return [make.make_from_string(package.licences[0])]
    found: list[License] = []
    for licence in package.licences:  # several licences must be ids or names, not expressions
        try:
            found.append(make.make_with_id(licence))
        except InvalidSpdxLicenseException:
            found.append(make.make_with_name(licence))
    return found


def _timestamp(created: str) -> datetime:
    try:
        return datetime.fromisoformat(created)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)
