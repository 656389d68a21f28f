"""Steps about the two images, read from what the engine saves of them: none of them runs."""

from collections.abc import Callable, Iterator

import pytest
from pytest_bdd import given, parsers, then

from validation.core import protocol
from validation.core.settings import RunSettings
from validation.images.build import build_missing
from validation.images.engines import answering
from validation.images.source import DIGEST_LABEL, digest
from validation.probes.images import contents
from validation.probes.images.inspection import Image, ImageStore
from validation.record.observe import Observe
from validation.targets import cleanup

VERSIONS = {"voting-api": protocol.API_VERSION, "voting-consumer": protocol.CONSUMER_VERSION}
OCI = "org.opencontainers.image"


@pytest.fixture(scope="session")
def image_store(settings: RunSettings, leftovers: Callable[[str], None]) -> Iterator[ImageStore]:
    if "image" in settings.shows:  # the target builds what is missing, too, and has not started yet
        build_missing(answering(), settings.source, settings.image_tag)
    folder = cleanup.claim(f"{settings.run}-images")  # the next run removes it if this one is killed
    try:
        yield ImageStore(folder, settings.image_tag)
    finally:
        for problem in cleanup.release(folder):
            leftovers(problem)


@given(parsers.re("the (?P<part>api|consumer) image"), target_fixture="image")
def the_image(part: str, image_store: ImageStore) -> Image:
    return image_store.image(part)


@then("it was built from this source")
def built_from_this_source(image: Image, settings: RunSettings, observe: Observe) -> None:
    observe(
        f"source of {image.name}",
        expected=digest(settings.source),
        observed=image.labels.get(DIGEST_LABEL, "not told"),
        evidence=f"{DIGEST_LABEL} of {image.identity}, against the digest of {settings.source / 'system'}",
        remedy="make images",
    )


@then(parsers.parse("its labels say that it is {title}, in the released version and of which revision"))
def labelled(title: str, image: Image, observe: Observe) -> None:
    with observe.together():
        observe(f"title of {image.name}", expected=title, observed=image.labels.get(f"{OCI}.title", "not told"), remedy="make images")
        observe(
            f"version of {image.name}",
            expected=VERSIONS[title],
            observed=image.labels.get(f"{OCI}.version", "not told"),
            remedy="make images",
        )
        revision = image.labels.get(f"{OCI}.revision", "")
        observe(f"revision of {image.name}", expected="told", observed=revision or "not told", holds=bool(revision), remedy="make images")


@then(parsers.parse("its size is between {low:d} and {high:d} MB"))
def its_size(image: Image, low: int, high: int, observe: Observe) -> None:
    observe(
        f"size of {image.name}, unpacked",
        expected=f"{low} to {high} MB",
        observed=f"{image.megabytes:.1f} MB in {len(image.layers)} layers",
        holds=low <= image.megabytes <= high,
        evidence=image.sizes,
        remedy="see which layer is the largest",
    )


@then(parsers.parse("it runs as UID {uid:d}"))
def runs_as(image: Image, uid: int, observe: Observe) -> None:
    # Without a group of its own a user that /etc/passwd does not know is in root's.
    observe(
        f"user and group of {image.name}", expected=f"{uid}:{uid}", observed=image.user or "none: root", remedy="USER in its Dockerfile"
    )


@then("it has no shell and no package manager")
def has_no_shell(image: Image, observe: Observe) -> None:
    with observe.together():
        observe(
            f"shells in {image.name}", expected=[], observed=contents.shells(image), evidence=_looked_at(image), remedy="another base image"
        )
        found = contents.package_managers(image)
        observe(f"package managers in {image.name}", expected=[], observed=found, evidence=_looked_at(image), remedy="another base image")


@then("no file in it gives more rights to whoever runs it")
def gives_no_rights(image: Image, observe: Observe) -> None:
    with observe.together():
        for what, found in (("setuid and setgid", contents.setuid(image)), ("with capabilities", contents.with_capabilities(image))):
            observe(
                f"files {what} in {image.name}",
                expected=[],
                observed=contents.shorten(found),
                evidence=_looked_at(image),
                remedy="RUN find / -xdev -type f -perm /6000 -exec chmod a-s {} +, as root, in the last stage",
            )


@then(parsers.parse("UID {uid:d} may write nothing in it but temporary folders, nor may everybody"))
def writes_nothing(uid: int, image: Image, observe: Observe) -> None:
    observe(
        f"what others than root may write in {image.name}",
        expected=[],
        observed=contents.shorten(contents.writable(image, uid)),
        evidence=f"{_looked_at(image)}; left out with their sticky bit: {', '.join(sorted(contents.TEMPORARY))}",
        remedy="COPY as root, without --chown, and modes without g+w and o+w",
    )


@then("nothing is left in it of its build")
def nothing_left(image: Image, observe: Observe) -> None:
    observe(
        f"tests, compilers, caches and other left-overs in {image.name}",
        expected=[],
        observed=contents.shorten(contents.leftovers(image)),
        evidence=_looked_at(image),
        remedy="copy only what runs from the build's stage",
    )


@then("no secret is in its configuration or in any of its layers")
def no_secret(image: Image, observe: Observe) -> None:
    observe(
        f"what looks like a secret in {image.name}",
        expected=[],
        observed=contents.shorten(contents.secrets(image)),
        evidence=f"{sum(len(layer.entries) for layer in image.layers)} entries of {len(image.layers)} layers, "
        f"{len(image.env)} variables, {len(image.history)} instructions, {len(image.labels)} labels",
        remedy="who has the image has the secret: change it, and build without it",
    )


def _looked_at(image: Image) -> str:
    return f"{len(image.files)} paths of {image.identity}"
