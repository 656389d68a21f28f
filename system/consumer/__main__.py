"""`python -m system.consumer`: wire the consumer, run it until a signal arrives, then close its connections.

Exit codes: 0 stopped by SIGTERM or SIGINT, 2 invalid setting.
"""

from system.stopping import exit_on_signals

if __name__ == "__main__":
    exit_on_signals(0)

import asyncio
import contextlib
import signal
import sys
from collections.abc import Awaitable
from typing import TYPE_CHECKING, TypeVar

import uvloop
from redis.asyncio import Redis
from redis.exceptions import RedisError

from system import CONSUMER_VERSION, logs
from system.consumer import upkeep
from system.consumer.heartbeat import REPLY_SECONDS, Heartbeat
from system.consumer.loop import Consumer
from system.consumer.metrics import Metrics
from system.db.store import Store
from system.errors import CONNECTION_GONE, SettingsInvalid
from system.logs import Event
from system.output import make_safe
from system.redis_pool import RedisPool
from system.settings import ConsumerSettings

if TYPE_CHECKING:
    from system.consumer.tracing import TracedVotes

URLS = {"redis_url", "database_url", "otel_exporter_otlp_endpoint", "otel_exporter_otlp_traces_endpoint"}
CONNECT_SECONDS = 2.0
CONNECTIONS = 4  # one waits for new entries while others do the rest
# Shutdown must finish within 5 seconds of a signal: half of it for the current batch, then half a second for each of four closing steps.
FINISH_SECONDS = 2.5
CLOSE_SECONDS = 0.5

T = TypeVar("T")


def main() -> None:
    """Run the consumer with the settings of the environment."""
    make_safe()
    try:
        settings = ConsumerSettings.read()
        logs.configure(settings.log_level)
        uvloop.run(serve(settings))
    except SettingsInvalid as invalid:
        sys.stderr.write(f"consumer: {invalid}\n")
        sys.exit(2)


async def serve(settings: ConsumerSettings) -> None:
    """Run a consumer from startup to shutdown."""
    log = logs.logger()
    redis = client(settings)
    heartbeat, metrics = Heartbeat(settings.heartbeat_file), Metrics()
    if settings.metrics_port:
        metrics.serve(settings.metrics_port)
    shown = settings.model_dump(mode="json", exclude=URLS)  # they may hold passwords
    log.info(Event.CONSUMER_STARTING, version=CONSUMER_VERSION, **shown)
    store = await Store.connect(settings.database_url, command_timeout=REPLY_SECONDS)
    traced = trace(settings) if settings.traces_url else None
    consumer = Consumer(settings, redis, store, heartbeat, metrics, traced)
    running = asyncio.create_task(consumer.run())
    loop = asyncio.get_running_loop()

    def stop(number: int) -> None:
        if not consumer.stopping:
            log.info(Event.SHUTDOWN_SIGNAL_RECEIVED, signal=signal.Signals(number).name)
            consumer.stop()
            loop.call_later(FINISH_SECONDS, running.cancel)  # safe: unacknowledged entries stay pending, and the ledger rejects duplicates

    for number in (signal.SIGTERM, signal.SIGINT):
        # Not `loop.add_signal_handler`: the loop would restore the default handlers when it closes, before the process ends.
        signal.signal(number, lambda received, _: loop.call_soon_threadsafe(stop, received))
    await asyncio.wait({running})
    log.info(Event.CONSUMER_SHUTTING_DOWN)
    for name in await within(CLOSE_SECONDS, upkeep.remove_own_name(redis, settings)) or ():
        log.info(Event.CONSUMER_NAME_REMOVED, name=name)
    log.info(Event.CLOSING_REDIS_CLIENT)
    await within(CLOSE_SECONDS, redis.aclose())
    log.info(Event.CLOSING_POSTGRES_POOL)
    await store.close()
    if traced:
        traced.close()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)  # one more must not kill the process while it exits
    log.info(Event.CONSUMER_SHUTDOWN_COMPLETE)
    if not running.cancelled():
        running.result()  # raises the error that ended the loop, if any


def client(settings: ConsumerSettings) -> Redis:
    """Return a Redis client that connects on first use.

    Raises:
        SettingsInvalid: the URL cannot be parsed.
    """
    try:
        pool = RedisPool.at(
            settings.redis_url,
            durable=False,  # a vote is safest once it is counted, whatever Redis it comes from
            reply_seconds=settings.block_ms / 1000 + REPLY_SECONDS,  # longer than a blocking read
            connect_seconds=CONNECT_SECONDS,
            max_connections=CONNECTIONS,
        )
        return Redis.from_pool(pool)
    except ValueError:
        raise SettingsInvalid("REDIS_URL: cannot be parsed; percent-encode special characters in the password") from None


def trace(settings: ConsumerSettings) -> "TracedVotes":
    """Return what traces votes."""
    from system.consumer.tracing import TracedVotes  # noqa: PLC0415 - it loads libraries that most installations do not need
    from system.tracing import Tracing  # noqa: PLC0415 - likewise

    return TracedVotes(Tracing(settings, "voting-consumer", CONSUMER_VERSION), settings)


async def within(seconds: float, step: Awaitable[T]) -> T | None:
    """Run a closing step with a time limit. Return None if it times out or Redis is unavailable."""
    with contextlib.suppress(TimeoutError, RedisError, CONNECTION_GONE):
        async with asyncio.timeout(seconds):
            return await step
    return None


if __name__ == "__main__":
    main()
