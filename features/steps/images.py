"""Steps about the container images. What this version cannot look at yet is NOT PROVEN, never taken for granted."""

from pytest_bdd import given, parsers, then

from validation import protocol
from validation.errors import NotProven
from validation.observing import Observe
from validation.probes.images import Image, inspect

TAGS = {"api": protocol.API_VERSION, "consumer": protocol.CONSUMER_VERSION}


@given(parsers.re("the (?P<part>api|consumer) image"), target_fixture="image")
def the_image(part: str) -> Image:
    return inspect(part, TAGS[part])


@then("it was built from this source")
def built_from_this_source(image: Image) -> None:
    raise NotProven(f"Whether {image.name} was built from this source is not looked at yet: no digest of the source is computed.")


@then(parsers.parse("its size is between {low:d} and {high:d} MB"))
def its_size(image: Image, low: int, high: int, observe: Observe) -> None:
    observe(
        f"size of {image.name}", expected=f"{low} to {high} MB", observed=f"{image.megabytes:.0f} MB", holds=low <= image.megabytes <= high
    )


@then(parsers.parse("it runs as UID {uid:d}"))
def runs_as(image: Image, uid: int, observe: Observe) -> None:
    observe(f"user of {image.name}", expected=str(uid), observed=image.user.partition(":")[0])


@then("a running container of it has a read-only root, no capabilities and no shell")
def runs_confined(image: Image) -> None:
    raise NotProven(f"No container of {image.name} was looked at from inside: this version reads images only.")
