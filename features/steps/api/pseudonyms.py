"""Steps about the name under which Redis counts a client: whoever knows one of the two URLs only cannot compute it."""

from collections.abc import Callable

from pytest_bdd import then, when

from features.support.apart import Apart
from validation.core import inputs
from validation.faults.proxy.addresses import proxy_to, url_through
from validation.probes.running.http import HttpProbe
from validation.probes.running.kept import redis_keys
from validation.record.observe import Observe

CLIENT = "198.51.100.7"
LIMITS = "votes:limit:"
FIRST, SAME = "the first API", "an API with the same URLs"
DIFFERENT = "an API with another REDIS_URL", "an API with another DATABASE_URL"


@when("one client asks APIs with the same URLs, with another REDIS_URL and with another DATABASE_URL", target_fixture="new_names")
def ask_each(apart: Apart, afterwards: Callable[..., None]) -> dict[str, list[str]]:
    """Return the keys that count clients and that came with each API. All lead to the same two servers, by proxies of their own."""
    servers = {"REDIS_URL": apart.target.redis.url, "DATABASE_URL": apart.target.database.url}

    def another(name: str) -> str:
        proxy = proxy_to(servers[name], apart.target.proxy_host)
        afterwards(proxy.close)
        return url_through(servers[name], proxy)

    first = {name: another(name) for name in servers}
    apis = {FIRST: first, SAME: first} | {api: first | {name: another(name)} for api, name in zip(DIFFERENT, servers, strict=True)}
    known, found = _names(apart), dict[str, list[str]]()
    for which, env in apis.items():
        api = apart.start_api(**env)
        afterwards(api.process.stop)
        inputs.note(f"{which}: GET / of {CLIENT}")
        HttpProbe(api.url).send("GET", "/", headers={"X-Forwarded-For": CLIENT})
        found[which] = sorted(_names(apart) - known)
        known |= set(found[which])
    return found


@then("the same URLs count it under one name, and each other URL under a name of its own")
def names_differ(new_names: dict[str, list[str]], observe: Observe) -> None:
    expected = {FIRST: 1, SAME: 0} | dict.fromkeys(DIFFERENT, 1)
    with observe.together():
        observe("APIs that the client asked", expected=list(expected), observed=list(new_names))
        for which, names in new_names.items():
            observe(f"new names of the client with {which}", expected=expected[which], observed=len(names), evidence=names,
                    remedy="the secret in system/api/rate_limit.py")  # fmt: skip


def _names(apart: Apart) -> set[str]:
    return {key for key in redis_keys(apart.target.redis.url) if key.startswith(LIMITS)}
