"""Steps about what readiness depends on: room in Redis and the type of the stream's key, but not the schema of the database."""

from collections.abc import Callable
from dataclasses import dataclass

from pytest_bdd import given, then, when

from features.support.api import probe_when_healthy
from validation.core import protocol
from validation.core.waiting import eventually
from validation.probes.running.http import HttpProbe
from validation.probes.running.own_databases import RedisNumber, url_of
from validation.probes.running.redis_server import RedisServer
from validation.probes.running.stream import StreamProbe
from validation.record.observe import Observe
from validation.targets.launching import LaunchingTarget

OK, ACCEPTED, FAILED, UNAVAILABLE = 200, 201, 500, 503
READY_SECONDS = 10.0
REMEDY = "system/api/stream.py: the readiness check asks for the stream"


@dataclass(frozen=True)
class Own:
    """An API, and an administrator's connection to its Redis."""

    http: HttpProbe
    redis: RedisServer


@given("an API with a Redis and a database of its own, both empty", target_fixture="own_ready")
def empty_stores(target: LaunchingTarget, create_database: Callable[[], str], afterwards: Callable[..., None]) -> Own:
    target.redis.require_managed()
    url = url_of(target.redis.url, RedisNumber.READY)
    server = RedisServer(url)
    afterwards(server.close)
    afterwards(server.empty)
    api = target.new_api({"REDIS_URL": url, "DATABASE_URL": create_database()})
    afterwards(api.process.stop)
    api.process.start()
    return Own(probe_when_healthy(api), server)


@when("its key votes holds a value of another type")
def other_type(own_ready: Own) -> None:
    own_ready.redis.put("RENAME", protocol.STREAM, "kept")
    own_ready.redis.put("SET", protocol.STREAM, "not a stream")


@when("that value is moved away")
def moved_away(own_ready: Own) -> None:
    own_ready.redis.put("RENAME", protocol.STREAM, "not-a-stream")
    own_ready.redis.put("RENAME", "kept", protocol.STREAM)


@then("it is ready, because votes are accepted and wait for the schema")
def ready(own_ready: Own, observe: Observe) -> None:
    seen = eventually(lambda: own_ready.http.send("GET", "/ready").status, lambda status: status == OK, within=READY_SECONDS)
    vote, results = own_ready.http.vote("cats"), own_ready.http.send("GET", "/api/results")
    with observe.together():
        observe("/ready", expected=OK, observed=seen.value, evidence=seen.story, remedy="system/db/store.py: the migration may come later")
        observe("a vote", expected=ACCEPTED, observed=vote.status, evidence=vote)
        observe("the results without a schema", expected=UNAVAILABLE, observed=results.status, evidence=results)


@then("it refuses votes and is not ready, and names votes")
def not_ready(own_ready: Own, observe: Observe) -> None:
    answer, vote = own_ready.http.send("GET", "/ready"), own_ready.http.vote("cats")
    body = answer.json() or {}
    with observe.together():
        observe("/ready", expected=UNAVAILABLE, observed=answer.status, evidence=answer, remedy=REMEDY)
        observe("the server that it names", expected="disconnected", observed=body.get("redis"), evidence=answer)
        unfit = str(body.get("unfit"))
        observe("what /ready says", expected="names votes", observed=unfit, holds=f"{protocol.STREAM} is not a stream" in unfit,
                remedy=REMEDY)  # fmt: skip
        observe("a vote", expected=FAILED, observed=vote.status, evidence=vote)


@when("Redis is full", target_fixture="make_room")
def redis_is_full(target: LaunchingTarget, stream: StreamProbe, afterwards: Callable[..., None]) -> Callable[[], None]:
    target.redis.require_managed()
    [before] = stream.settings("maxmemory").values()

    def make_room() -> None:
        stream.configure("maxmemory", before)

    afterwards(make_room)
    stream.configure("maxmemory", "1")
    return make_room


@when("Redis has room again")
def redis_has_room(make_room: Callable[[], None]) -> None:
    make_room()
