"""Steps about what `helm test` runs: the chart's test pod, whose program casts a vote and waits until it is counted."""

from collections.abc import Callable
from urllib.parse import urlsplit

from pytest_bdd import then, when

from features.steps.chart.rendering import containers
from validation.core.waiting import consistently
from validation.probes.chart.helm_test import TestPod
from validation.probes.chart.manifests import Manifest
from validation.record.observe import Observe
from validation.targets.launching import LaunchingTarget

NOBODY = "127.0.0.1:1"
WAITS_SECONDS = 3.0


@when("its test pod's program runs while no vote is counted", target_fixture="test_pod")
def runs_while_nobody_counts(rendered: tuple[Manifest, ...], target: LaunchingTarget, afterwards: Callable[..., None]) -> TestPod:
    api = urlsplit(target.api.url).netloc
    target.consumer.pause()
    afterwards(target.consumer.resume)
    test_pod = TestPod(_command(rendered), api)
    afterwards(test_pod.kill)
    return test_pod


@then("it waits, and ends well once its vote is counted")
def waits_and_ends_well(test_pod: TestPod, target: LaunchingTarget, observe: Observe) -> None:
    waiting = consistently(lambda: test_pod.ended, lambda ended: not ended, during=WAITS_SECONDS)
    target.consumer.resume()
    said = test_pod.wait()
    with observe.together():
        observe("while nobody counts", expected="waiting", observed=f"ended: {waiting.value}", holds=waiting.held, evidence=str(said))
        observe("its end", expected=0, observed=said.exit_code, evidence=said.error)
        observe("what it says", expected=["accepted", "counted"], observed=[line.split(":")[0] for line in said.output.splitlines()])


@then("its test pod's program ends badly where no API is, and says what it asked")
def ends_badly_without_an_api(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    said = TestPod(_command(rendered), NOBODY).wait()
    asked = f"GET /api/results at {NOBODY}: "
    with observe.together():
        observe("its end", expected=1, observed=said.exit_code, evidence=said.output)
        observe("what it says", expected=f"{asked}…", observed=said.error, holds=said.error.startswith(asked))


def _command(rendered: tuple[Manifest, ...]) -> list[str]:
    (pod,) = [c for w, c in containers(rendered) if w.manifest.kind == "Pod"]
    return list(pod.body.get("command") or ())
