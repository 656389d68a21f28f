"""Steps that read the two images from what the container engine saves; no container runs."""

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
    """The saved images of the run, built first if they are missing."""
    if "image" in settings.shows:  # the target also builds missing images, but may not have started yet
        build_missing(answering(), settings.source, settings.image_tag)
    folder = cleanup.claim(f"{settings.run}-images")  # the next run deletes it if this one is killed
    try:
        yield ImageStore(folder, settings.image_tag)
    finally:
        for problem in cleanup.release(folder):
            leftovers(problem)


@given(parsers.re("the (?P<part>api|consumer) image"), target_fixture="image")
def the_image(part: str, image_store: ImageStore, observe: Observe) -> Image:
    image = image_store.image(part)
    observe(f"paths in {image.name}", expected="some", observed=len(image.files), holds=bool(image.files))
    return image


@then("it was built from this source")
def built_from_this_source(image: Image, settings: RunSettings, observe: Observe) -> None:
    observe(
        f"source of {image.name}",
        expected=digest(settings.source),
        observed=image.labels.get(DIGEST_LABEL, "missing"),
        evidence=f"{DIGEST_LABEL} of {image.identity}, and the digest of {settings.source / 'system'}",
        remedy="make images",
    )


@then("its modules are those of this source")
def same_modules(image: Image, settings: RunSettings, observe: Observe) -> None:
    count, others = contents.other_modules(image, settings.source)
    with observe.together():
        observe(f"modules of the system in {image.name}", expected="at least 15", observed=count, holds=count >= 15)  # noqa: PLR2004
        observe(f"modules in {image.name} that differ from the source", expected=[], observed=others, remedy="make images")


@then(parsers.parse("its labels name {title}, the released version and a revision"))
def labelled(title: str, image: Image, observe: Observe) -> None:
    with observe.together():
        observe(f"title of {image.name}", expected=title, observed=image.labels.get(f"{OCI}.title", "missing"), remedy="make images")
        observe(
            f"version of {image.name}",
            expected=VERSIONS[title],
            observed=image.labels.get(f"{OCI}.version", "missing"),
            remedy="make images",
        )
        revision = image.labels.get(f"{OCI}.revision", "")
        observe(f"revision of {image.name}", expected="any", observed=revision or "missing", holds=bool(revision), remedy="make images")


@then(parsers.parse("its size is between {low:d} and {high:d} MB"))
def its_size(image: Image, low: int, high: int, observe: Observe) -> None:
    observe(
        f"size of {image.name}, unpacked",
        expected=f"{low} to {high} MB",
        observed=f"{image.megabytes:.1f} MB in {len(image.layers)} layers",
        holds=low <= image.megabytes <= high,
        evidence=image.sizes,
        remedy="look at the largest layer",
    )


@then(parsers.parse("it runs as UID {uid:d}"))
def runs_as(image: Image, uid: int, observe: Observe) -> None:
    # Without an explicit group, a user that is missing from /etc/passwd gets the group root.
    observe(
        f"user and group of {image.name}", expected=f"{uid}:{uid}", observed=image.user or "none, so root", remedy="USER in its Dockerfile"
    )


@then("it has no shell and no package manager")
def has_no_shell(image: Image, observe: Observe) -> None:
    with observe.together():
        observe(
            f"shells in {image.name}", expected=[], observed=contents.shells(image), evidence=_scope(image), remedy="use another base image"
        )
        found = contents.package_managers(image)
        observe(f"package managers in {image.name}", expected=[], observed=found, evidence=_scope(image), remedy="use another base image")


@then("no file in it grants more privileges to its caller")
def grants_no_privileges(image: Image, observe: Observe) -> None:
    with observe.together():
        for what, found in (("setuid and setgid", contents.setuid(image)), ("with capabilities", contents.with_capabilities(image))):
            observe(
                f"files {what} in {image.name}",
                expected=[],
                observed=contents.shorten(found),
                evidence=_scope(image),
                remedy="as root in the last stage: RUN find / -xdev -type f -perm /6000 -exec chmod a-s {} +",
            )


@then(parsers.parse("UID {uid:d} can write only to temporary folders"))
def writes_nothing(uid: int, image: Image, observe: Observe) -> None:
    observe(
        f"paths in {image.name} that others than root can write",
        expected=[],
        observed=contents.shorten(contents.writable(image, uid)),
        evidence=f"{_scope(image)}; not counted, because of their sticky bit: {', '.join(sorted(contents.TEMPORARY))}",
        remedy="COPY as root without --chown, and without g+w and o+w",
    )


@then("any user can read its program")
def readable_by_any_user(image: Image, observe: Observe) -> None:
    program = [path for path in image.files if path.startswith("/app/")]
    with observe.together():
        observe(f"files of the program in {image.name}", expected="some", observed=len(program), holds=bool(program))
        observe(
            f"paths of the program in {image.name} that only some users can read",
            expected=[],
            observed=contents.shorten(contents.unreadable(image)),
            evidence=_scope(image),
            remedy="COPY with o+r, and o+x for folders",
        )


@then("it contains no build leftovers")
def no_leftovers(image: Image, observe: Observe) -> None:
    observe(
        f"tests, compilers, caches and other build leftovers in {image.name}",
        expected=[],
        observed=contents.shorten(contents.leftovers(image)),
        evidence=_scope(image),
        remedy="copy only what runs from the build stage",
    )


@then("neither its configuration nor any of its layers contains a secret")
def no_secret(image: Image, observe: Observe) -> None:
    observe(
        f"possible secrets in {image.name}",
        expected=[],
        observed=contents.shorten(contents.secrets(image)),
        evidence=f"{sum(len(layer.entries) for layer in image.layers)} entries of {len(image.layers)} layers, "
        f"{len(image.env)} variables, {len(image.history)} instructions, {len(image.labels)} labels",
        remedy="everyone who has the image has the secret: revoke it, and build without it",
    )


def _scope(image: Image) -> str:
    return f"{len(image.files)} paths of {image.identity}"
