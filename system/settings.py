"""Every environment variable of the system, typed and frozen. No other module reads the environment."""

import ipaddress
import re
import socket
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from system import contract
from system.errors import SettingsInvalid

OPTION = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def _redis_url(url: str) -> str:
    if not re.fullmatch(r"rediss?://[^/\s]+(/\d+)?(\?\S*)?|unix://\S+", url):
        raise ValueError("must look like redis://host:6379/0")
    return url


def _database_url(url: str) -> str:
    if not re.fullmatch(r"postgres(ql)?://\S+", url):
        raise ValueError("must look like postgresql://user:password@host:5432/name")
    return url


def _names(text: object) -> object:
    """Split a comma-separated list; an environment variable has no other kind."""
    return tuple(part.strip() for part in text.split(",") if part.strip()) if isinstance(text, str) else text


def _options(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names or len(set(names)) != len(names) or not all(OPTION.fullmatch(name) for name in names):
        raise ValueError("must be different names of small letters, digits, - and _, separated by commas")
    return names


def _origins(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not re.fullmatch(r"https?://[^/*\s]+", name):
            raise ValueError("must be origins such as https://vote.example, separated by commas; * is not one")
    return names


def _networks(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        try:
            ipaddress.ip_network(name, strict=False)
        except ValueError:
            raise ValueError("must be addresses or networks such as 10.0.0.0/8, separated by commas; * would believe everybody") from None
    return names


RedisUrl = Annotated[str, AfterValidator(_redis_url)]
DatabaseUrl = Annotated[str, AfterValidator(_database_url)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)]
Options = Annotated[Names, AfterValidator(_options)]
Origins = Annotated[Names, AfterValidator(_origins)]
Networks = Annotated[Names, AfterValidator(_networks)]
RateLimit = Annotated[str, Field(pattern=r"^([1-9]\d*/(second|minute|hour|day))?$")]
Port = Annotated[int, Field(ge=1, le=65535)]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


class Settings(BaseSettings):
    """What the API and the consumer both read.

    Raises:
        SettingsInvalid: from `read`, in one line that names the variable and does not repeat a secret.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    redis_url: RedisUrl = "redis://127.0.0.1:6379/0"
    database_url: DatabaseUrl = "postgresql://postgres@127.0.0.1:5432/postgres"
    vote_options: Options = ("cats", "dogs")
    log_level: LogLevel = "INFO"

    @classmethod
    def read(cls) -> Self:
        """Read the environment."""
        try:
            return cls()
        except ValidationError as invalid:
            first = invalid.errors(include_url=False, include_input=False)[0]
            name = str(first["loc"][0]).upper()
            raise SettingsInvalid(f"{name}: {first['msg'].removeprefix('Value error, ')}") from None


class ApiSettings(Settings):
    """The API's variables."""

    api_host: str = "127.0.0.1"
    api_port: Port = 8000
    api_workers: Annotated[int, Field(ge=1, le=64)] = 1
    environment: Literal["development", "production"] = "development"
    cors_origins: Origins = ()
    idempotency_ttl: Annotated[int, Field(ge=1, le=604_800)] = 3600
    """How long an Idempotency-Key is remembered, in seconds."""
    rate_limit: RateLimit = ""
    """For example `10/second` for each client address; empty is off."""
    trusted_proxies: Networks = ()
    """Addresses or networks whose X-Forwarded-For is believed."""


class ConsumerSettings(Settings):
    """The consumer's variables: the nine of the published interface and a few of its own."""

    stream_name: Annotated[str, Field(min_length=1, max_length=255)] = contract.STREAM
    consumer_group: Annotated[str, Field(min_length=1, max_length=255)] = contract.GROUP
    consumer_name: Annotated[str, Field(min_length=1, max_length=255)] = Field(default_factory=socket.gethostname)
    batch_size: Annotated[int, Field(ge=1, le=10_000)] = 500
    block_ms: Annotated[int, Field(ge=1, le=60_000)] = 2000
    max_retries: Annotated[int, Field(ge=1, le=100)] = 3
    """Deliveries of an entry that fails by itself, before it goes to the dead letters."""
    claim_idle_ms: Annotated[int, Field(ge=100, le=86_400_000)] = 30_000
    """How long an entry is pending with another consumer before it is taken over."""
    metrics_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Where Prometheus metrics are served; 0 is off."""
    heartbeat_file: Path = Path("/tmp/votecheck-consumer-beat")  # noqa: S108 - a read-only container has no other writable folder; it holds no secret
    """The file that the loop touches, read by `python -m system.consumer.heartbeat`."""
