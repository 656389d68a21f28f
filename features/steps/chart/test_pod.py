"""Steps about the chart's test pod, which `helm test` runs: its program casts a vote and waits until it is counted."""

from collections.abc import Callable
from urllib.parse import urlsplit

from pytest_bdd import then, when

from features.support.chart import pod_of_test
from validation.core.waiting import consistently
from validation.probes.chart.helm_test import TestPod
from validation.probes.chart.manifests import Manifest
from validation.record.observe import Observe
from validation.targets.launching import LaunchingTarget

UNREACHABLE = "127.0.0.1:1"
WAITS_SECONDS = 3.0


@when("the program of its test pod runs while no vote is counted", target_fixture="test_pod")
def runs_while_nothing_is_counted(rendered: tuple[Manifest, ...], target: LaunchingTarget, afterwards: Callable[..., None]) -> TestPod:
    api = urlsplit(target.api.url).netloc
    target.consumer.pause()
    afterwards(target.consumer.resume)
    test_pod = TestPod(_command(rendered), api)
    afterwards(test_pod.kill)
    return test_pod


@then("it waits, and succeeds once its vote is counted")
def waits_and_succeeds(test_pod: TestPod, target: LaunchingTarget, observe: Observe) -> None:
    waiting = consistently(lambda: test_pod.ended, lambda ended: not ended, during=WAITS_SECONDS)
    target.consumer.resume()
    end = test_pod.wait()
    with observe.together():
        observe("while nothing is counted", expected="waiting", observed=f"ended: {waiting.value}", holds=waiting.held, evidence=end)
        observe("exit code", expected=0, observed=end.exit_code, evidence=end.error)
        observe("output", expected=["accepted", "counted"], observed=[line.split(":")[0] for line in end.output.splitlines()])


@then("the program of its test pod fails without an API and reports the request")
def fails_without_an_api(rendered: tuple[Manifest, ...], observe: Observe) -> None:
    end = TestPod(_command(rendered), UNREACHABLE).wait()
    request = f"GET /api/results at {UNREACHABLE}: "
    with observe.together():
        observe("exit code", expected=1, observed=end.exit_code, evidence=end.output)
        observe("error output", expected=f"{request}…", observed=end.error, holds=end.error.startswith(request))


def _command(rendered: tuple[Manifest, ...]) -> list[str]:
    return list(pod_of_test(rendered).body.get("command") or ())
