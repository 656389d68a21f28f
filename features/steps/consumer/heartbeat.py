"""Steps that check the heartbeat trial, which runs in the background (features/support/heartbeat.py)."""

from concurrent.futures import Future

from pytest_bdd import given, then

from features.support.heartbeat import IDLE_SECONDS, PATIENT_SECONDS, RED_SECONDS, HeartbeatTrial
from validation.record.observe import Observe


@given("a consumer that was idle, then frozen, then resumed", target_fixture="heartbeats")
def idle_then_frozen(heartbeat_trial: Future[HeartbeatTrial]) -> HeartbeatTrial:
    return heartbeat_trial.result()


@then("its heartbeat was green while it was idle")
def green_while_idle(heartbeats: HeartbeatTrial, observe: Observe) -> None:
    idle = heartbeats.idle
    observe(
        f"exit code of system.consumer.heartbeat, for {IDLE_SECONDS:.0f} s of idling",
        expected=0,
        observed=idle.value,
        holds=idle.held and idle.value == 0 and idle.seconds >= IDLE_SECONDS,
        evidence=idle.story,
    )


@then("so was that of a consumer that waits a minute for new entries")
def green_while_patient(heartbeats: HeartbeatTrial, observe: Observe) -> None:
    patient = heartbeats.patient
    observe(
        f"exit code of system.consumer.heartbeat, {PATIENT_SECONDS:.0f} s after a wait of a minute began",
        expected=0,
        observed=patient.value,
        holds=patient.held and patient.value == 0,
        evidence=patient.story,
        remedy="limit in system/consumer/heartbeat.py",
    )


@then("it was red within 35 seconds of freezing, and green again after resuming")
def red_while_frozen(heartbeats: HeartbeatTrial, observe: Observe) -> None:
    frozen, resumed = heartbeats.frozen, heartbeats.resumed
    seen = f"exit {frozen.value} after {frozen.seconds:.1f} s"
    with observe.together():
        observe("heartbeat of a frozen loop", expected=f"red within {RED_SECONDS:.0f} s", observed=seen, holds=frozen.held, timed=True)
        observe("exit code after the loop resumed", expected=0, observed=resumed.value, evidence=resumed.story)
