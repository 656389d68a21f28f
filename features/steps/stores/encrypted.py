"""Steps that reach Redis and the database over TLS, with certificates that are right and wrong."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from pytest_bdd import then, when

from features.support.api import probe_when_healthy
from features.support.parts import record_vote, vote_id
from validation.core import inputs
from validation.core.waiting import eventually
from validation.faults.proxy.addresses import server_of
from validation.faults.proxy.tls import Authority, TlsServer
from validation.faults.reconciliation import SentVotes
from validation.probes.running.http import Answer
from validation.probes.running.store import StoreProbe
from validation.record.observe import Observe
from validation.targets.launching import LaunchingTarget

SECRET = "votecheck-secret-of-a-url"  # noqa: S105 - the servers of a local run accept any password
OTHER_ADDRESS = "192.0.2.7"
ACCEPTED, SECONDS, COUNTED_SECONDS = 201, 10.0, 20.0
REMEDY = "system/redis_pool.py, system/db/store.py and system/urls.py: what a URL says about TLS reaches the client library"


@dataclass
class Reached:
    """How parts fared with servers that show one kind of certificate.

    Attributes:
        expected: `counted` or `refused`.
        secrets: the passwords in the URLs.
        answer: the response to a vote.
        ready: the body of /ready.
        counted: whether the vote is in the ledger; None if it was not accepted.
    """

    kind: str
    expected: str
    secrets: tuple[bytes, ...]
    redis: TlsServer
    database: TlsServer
    answer: Answer
    ready: dict[str, str]
    counted: bool | None
    log: str


@when("an API and a consumer reach Redis and the database over TLS, and these show", target_fixture="reached")
def over_tls(
    target: LaunchingTarget,
    datatable: list[list[str]],
    sent_votes: SentVotes,
    store: StoreProbe,
    afterwards: Callable[..., None],
    tmp_path: Path,
) -> list[Reached]:
    target.redis.require_managed()
    target.database.require_managed()
    host = target.proxy_host
    servers = server_of(target.redis.url, host), server_of(target.database.url, host)
    own = Authority(tmp_path / "own")
    shown: dict[str, ssl.SSLContext | None] = {
        "the right certificate": own.server(host),
        "a certificate of another authority": Authority(tmp_path / "other").server(host),
        "a certificate for another address": own.server(OTHER_ADDRESS),
        "no certificate, and do not encrypt": None,
    }
    found = []
    for kind, expected in datatable[1:]:
        inputs.note(f"Redis and the database show {kind}")
        redis, database = (TlsServer(server, host, shown[kind]) for server in servers)
        afterwards(redis.close)
        afterwards(database.close)
        api, consumer = target.new_api({}), target.new_consumer({"BLOCK_MS": "100"})
        for part in (api.process, consumer):
            trusted = part.show(own.certificate)
            part.env = dict(part.env) | {
                "REDIS_URL": _through(target.redis.url, "rediss", redis, ssl_ca_certs=trusted),
                "DATABASE_URL": _through(target.database.url, "postgresql", database, sslmode="verify-full", sslrootcert=trusted),
            }
            part.start()
            afterwards(part.stop)
        http, key = probe_when_healthy(api), sent_votes.key()
        # Neither part connects to the database before it needs it. /ready does.
        eventually(lambda: http.answers("/ready") or _tried(redis, database), bool, within=SECONDS)  # noqa: B023 - called here
        answer = http.vote("cats", key)
        record_vote(sent_votes, key, "cats", answer)
        counted = None
        if answer.status == ACCEPTED:
            ids = [vote_id(answer)]
            counted = eventually(lambda: list(store.ledger(ids)), lambda seen: seen == ids, within=COUNTED_SECONDS).held  # noqa: B023
        ready = http.send("GET", "/ready").json() or {}
        log = api.process.output()[-1500:] + consumer.output()[-1500:]
        secrets = tuple(_secret(url).encode() for url in (target.redis.url, target.database.url))
        found.append(Reached(kind, expected, secrets, redis, database, answer, ready, counted, log))
        api.process.stop()
        consumer.stop()
    return found


@then("votes are accepted and counted only with the right certificate")
def only_right(reached: list[Reached], observe: Observe) -> None:
    with observe.together():
        for one in reached:
            right = one.expected == "counted"
            states = {name: one.ready.get(name) for name in ("redis", "database")}
            observe(f"status of a vote if the servers show {one.kind}", expected=ACCEPTED if right else 503, observed=one.answer.status,
                    evidence=one.log, remedy=REMEDY)  # fmt: skip
            observe(f"/ready if the servers show {one.kind}", expected=dict.fromkeys(states, "connected" if right else "disconnected"),
                    observed=states, evidence=one.log, remedy=REMEDY)  # fmt: skip
            observe(f"whether the vote was counted if the servers show {one.kind}", expected=True if right else None, observed=one.counted,
                    evidence=one.log)  # fmt: skip


@then("nothing else is sent to the other servers, and nothing in clear")
def nothing_in_clear(reached: list[Reached], observe: Observe) -> None:
    with observe.together():
        for one in reached:
            for name, server in (("Redis", one.redis), ("the database", one.database)):
                what = f"{name} that shows {one.kind}"
                right = one.expected == "counted"
                observe(f"whether anything was sent encrypted to {what}", expected=right, observed=server.decrypted > 0, remedy=REMEDY)
                handshake = server.clear[:1] == b"\x16"  # all that a server without encryption may get
                leaked = any(secret in server.clear for secret in one.secrets)
                observe(f"sent in clear to {what}", expected="nothing", observed=bytes(server.clear[:200]),
                        holds=not leaked and (handshake or not server.clear), remedy=REMEDY)  # fmt: skip


def _tried(redis: TlsServer, database: TlsServer) -> bool:
    """Return whether both servers had a connection."""
    return redis.connections > 0 and database.connections > 0


def _through(url: str, scheme: str, server: TlsServer, **options: str | Path) -> str:
    """Return the URL that reaches a server over TLS, with a password."""
    parts = urlsplit(url)
    query = "&".join(f"{name}={quote(str(value), safe='/')}" for name, value in options.items())
    return urlunsplit((scheme, f"{parts.username or 'default'}:{_secret(url)}@{server.host}:{server.port}", parts.path, query, ""))


def _secret(url: str) -> str:
    """Return the password with which a part reaches a server."""
    return urlsplit(url).password or SECRET
