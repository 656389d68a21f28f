"""Steps that count how many requests of one client are served: the client, not its process, its proxy or what it claims."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_network

from pytest_bdd import then

from features.support.settings_trial import Trial
from validation.core.collections import every
from validation.record.observe import Observe

SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
TOO_MANY, UNLIMITED = 429, 25
LATE_SECONDS = 45.0
PROXIES = ("127.9.0.1", "127.9.0.2")
EXEMPT, LIMITED = ("/health", "/ready", "/metrics"), ("/", "/api/results", "/api/results/stream", "/static/app.js", "/nowhere")
VOTER = "203.0.113."
FORGED = "198.51.100."
LONG = IPv6Address("2001:db8:1:2:3:4:5:6")
REMEDY = "system/api/rate_limit.py and TRUSTED_PROXIES in system/api/app.py"


@dataclass(frozen=True, slots=True)
class Form:
    """Ways in which one client appears: the address that it connects from, and its X-Forwarded-For headers."""

    what: str
    ways: Sequence[tuple[str, tuple[str, ...]]]


@then("each client has a limit of its own, whichever process serves it")
def own_limit(trial: Trial, observe: Observe) -> None:
    limit, _, unit = trial.value("RATE_LIMIT").partition("/")
    client = trial.client()
    if not limit:
        statuses = {client.send("GET", "/nowhere").status for _ in range(UNLIMITED)}
        observe(f"statuses of {UNLIMITED} requests of one client without a limit", expected=[404], observed=sorted(statuses))
        return
    answers = [client.send("GET", "/nowhere") for _ in range(3 * int(limit) * trial.number("API_WORKERS"))]
    served = [answer for answer in answers if answer.status != TOO_MANY]
    waits = [int(answer.headers.get("retry-after", "0")) for answer in answers if answer.status == TOO_MANY]
    period = SECONDS[unit]
    with observe.together():
        observe(f"served requests of {len(answers)} from one client", expected=int(limit), observed=len(served), remedy=REMEDY)
        observe("Retry-After of the others", expected=f"at most {period}, and little less", observed=sorted(set(waits)), timed=True,
                holds=every(period - LATE_SECONDS <= wait <= period for wait in waits))  # fmt: skip
        for path in LIMITED:
            observe(f"status of {path} for this client", expected=TOO_MANY, observed=client.send("GET", path).status)
        observe("status of its vote", expected=TOO_MANY, observed=client.vote(trial.options[0]).status)
        for path in EXEMPT:
            observe(f"status of {path} for this client", expected=200, observed=client.send("GET", path).status)
        observe("status for another client", expected=404, observed=trial.client().send("GET", "/nowhere").status)


@then("addresses with one prefix are one client")
def one_prefix(trial: Trial, observe: Observe) -> None:
    if not trial.values("TRUSTED_PROXIES") or not trial.value("RATE_LIMIT"):
        observe("IPv6 clients", expected="none: no limit, or no proxy that names them", observed="none", holds=True)
        return
    length = trial.number("RATE_LIMIT_IPV6_PREFIX")
    inside = [LONG] if length == LONG.max_prefixlen else [LONG, _flipped(length), _flipped(LONG.max_prefixlen - 1)]
    beside = _flipped(length - 1)
    ways = [(PROXIES[0], (str(one),)) for one in inside] + [(PROXIES[0], (f"[{LONG.exploded}]:443",))]
    with observe.together():
        _observe_one(trial, Form(f"addresses with the same {length} bits", ways), observe)
        seen = _ask(trial, PROXIES[0], (str(beside),))
        observe(f"status for {beside}, which differs in bit {length}", expected=404, observed=seen, remedy=REMEDY)


@then("a client behind these proxies is found, and nobody else is believed")
def behind_proxies(trial: Trial, observe: Observe) -> None:
    if not trial.value("RATE_LIMIT"):
        observe("clients behind a proxy without a limit", expected=404, observed=_ask(trial, PROXIES[0], (f"{VOTER}1",)))
        return
    with observe.together():
        forms = _trusted(trial) if trial.values("TRUSTED_PROXIES") else [_not_trusted(PROXIES[0])]
        for form in (*forms, _not_trusted(trial.client().address)):
            _observe_one(trial, form, observe)
        if trial.values("TRUSTED_PROXIES"):
            beside = _ask(trial, PROXIES[0], (f"{VOTER}250",))
            observe("status for another voter behind the same proxy", expected=404, observed=beside, remedy=REMEDY)


def _trusted(trial: Trial) -> Iterator[Form]:
    number: Callable[[], str] = map(str, itertools.count(1)).__next__
    near, far = PROXIES
    inner = str(ip_network(trial.values("TRUSTED_PROXIES")[-1])[7])
    voter = VOTER + number()
    yield Form("a voter through two proxies", [(near, (voter,)), (far, (voter,))])
    voter = VOTER + number()
    yield Form("a voter who forges addresses before its own", [(near, (f"{FORGED}{n}, {voter}",)) for n in range(1, 9)])
    voter = VOTER + number()
    yield Form("a voter who forges a header of its own", [(near, (f"{FORGED}{n}", voter)) for n in range(1, 9)])
    voter = VOTER + number()
    yield Form(f"a voter behind a second proxy, {inner}", [(near, (f"{voter}, {inner}",)), (near, (voter,))])
    voter = VOTER + number()
    yield Form("a voter with a port", [(near, (f"{voter}:{port}",)) for port in range(4001, 4009)])
    voter = VOTER + number()
    yield Form("a voter whose IPv4 is written as IPv6", [(near, (f"::ffff:{voter}",)), (near, (voter,))])


def _not_trusted(address: str) -> Form:
    return Form(f"a client at {address}, whose headers are not believed", [(address, (f"{FORGED}{n}",)) for n in range(100, 109)])


def _observe_one(trial: Trial, form: Form, observe: Observe) -> None:
    """Record that all ways of a form share one limit."""
    limit = int(trial.value("RATE_LIMIT").partition("/")[0])
    statuses = [_ask(trial, *way) for way, _ in zip(itertools.cycle(form.ways), range(limit + 2), strict=False)]
    observe(f"statuses for {form.what}", expected=[404] * limit + [TOO_MANY] * 2, observed=statuses, remedy=REMEDY,
            evidence=[f"{address} for {', '.join(forwarded)}" for address, forwarded in form.ways])  # fmt: skip


def _ask(trial: Trial, address: str, forwarded: tuple[str, ...]) -> int:
    headers = [("X-Forwarded-For", one) for one in forwarded]
    return trial.client(address).send("GET", "/nowhere", headers).status


def _flipped(bit: int) -> IPv6Address:
    """Return the address with another bit, counted from the left."""
    return IPv6Address(int(LONG) ^ (1 << (LONG.max_prefixlen - 1 - bit)))
