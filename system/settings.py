"""Every environment variable of the voting system, typed and frozen. No other module reads the environment."""

import ipaddress
import re
import socket
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from system import contract, urls
from system.errors import SettingsInvalid

OPTION = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
# Browsers send an origin in lower case and without the default port: any other text would never match.
ORIGIN = re.compile(r"(http(?!.*:80$)|https(?!.*:443$))://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?")


def _names(text: object) -> object:
    """Split a comma-separated list, the only list syntax that environment variables support."""
    return tuple(part.strip() for part in text.split(",") if part.strip()) if isinstance(text, str) else text


def _options(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names or len(set(names)) != len(names) or not all(OPTION.fullmatch(name) for name in names):
        raise ValueError("must be distinct comma-separated names of lowercase letters, digits, - and _")
    return names


def _origins(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not ORIGIN.fullmatch(name):
            raise ValueError("must be comma-separated origins such as https://vote.example; * is not allowed")
    return names


def _networks(names: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return tuple(str(ipaddress.ip_network(name, strict=False)) for name in names)
    except ValueError:
        raise ValueError("must be comma-separated addresses or networks such as 10.0.0.0/8; * is not allowed") from None


def _file(path: Path) -> Path:
    if not path.name:
        raise ValueError("must be the path of a file")
    return path


RedisUrl = Annotated[str, AfterValidator(urls.redis_url)]
DatabaseUrl = Annotated[str, AfterValidator(urls.database_url)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)]
Options = Annotated[Names, AfterValidator(_options)]
Origins = Annotated[Names, AfterValidator(_origins)]
Networks = Annotated[Names, AfterValidator(_networks)]
FilePath = Annotated[Path, AfterValidator(_file)]
Collector = Annotated[str, AfterValidator(urls.collector_url)]
Ratio = Annotated[float, Field(ge=0, le=1)]
Sampler = Literal["always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"]
RateLimit = Annotated[str, Field(pattern=r"^([1-9][0-9]{0,8}/(second|minute|hour|day))?$")]
Port = Annotated[int, Field(ge=1, le=65535)]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


class Settings(BaseSettings):
    """Variables that both the API and the consumer read."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    redis_url: RedisUrl = "redis://127.0.0.1:6379/0"
    """`redis://`, `rediss://` or `unix://` URL of Redis; see [URLs](../guides/run-the-system.md#urls)."""
    database_url: DatabaseUrl = "postgresql://postgres@127.0.0.1:5432/postgres"
    """URL of PostgreSQL; see [URLs](../guides/run-the-system.md#urls)."""
    vote_options: Options = ("cats", "dogs")
    """Options that a vote may name."""
    log_level: LogLevel = "INFO"
    otel_exporter_otlp_endpoint: Collector = ""
    """Base URL of a collector, for example `http://collector:4318`; empty disables [tracing](../guides/find-the-cause.md#in-a-trace)."""
    otel_exporter_otlp_traces_endpoint: Collector = ""
    """Full URL to send traces to, instead of `/v1/traces` below `OTEL_EXPORTER_OTLP_ENDPOINT`."""
    otel_sdk_disabled: Literal["true", "false"] = "false"
    """`true` disables tracing, whatever the endpoints are."""
    otel_traces_sampler: Sampler = "parentbased_always_on"
    """Which votes are traced. `parentbased_` follows the client's or the proxy's decision, if there is one."""
    otel_traces_sampler_arg: Ratio = 1.0
    """Share of votes that the samplers `traceidratio` and `parentbased_traceidratio` trace."""

    @field_validator("otel_sdk_disabled", "otel_traces_sampler", "otel_traces_sampler_arg", mode="before")
    @classmethod
    def _as_opentelemetry_reads_it(cls, value: object, field: ValidationInfo) -> object:
        """Return a value in lower case, or the default for an empty one, as OpenTelemetry defines for its variables."""
        return str(value).strip().lower() or cls.model_fields[str(field.field_name)].default

    @property
    def traces_url(self) -> str:
        """The URL to send traces to; empty if tracing is off."""
        if self.otel_sdk_disabled == "true":
            return ""
        base = self.otel_exporter_otlp_endpoint.rstrip("/")
        return self.otel_exporter_otlp_traces_endpoint or (base and f"{base}/v1/traces")

    @classmethod
    def read(cls) -> Self:
        """Read the settings from the environment.

        Raises:
            SettingsInvalid: a variable is invalid; the message is one line, names the variable and contains no secret.
        """
        try:
            return cls()
        except ValidationError as invalid:
            first = invalid.errors(include_url=False, include_input=False)[0]
            name = str(first["loc"][0]).upper()
            raise SettingsInvalid(f"{name}: {first['msg'].removeprefix('Value error, ')}") from None


class ApiSettings(Settings):
    """Variables that only the API reads."""

    api_host: str = "127.0.0.1"
    """Address that the API listens on; `::` stands for all addresses, IPv6 and IPv4."""
    api_port: Port = 8000
    """Port that the API listens on."""
    api_workers: Annotated[int, Field(ge=1, le=64)] = 1
    """Processes that serve requests."""
    api_keep_alive: Annotated[int, Field(ge=1, le=3600)] = 75
    """Seconds to keep an idle connection open. It must be longer than the proxy in front keeps its own, often 60."""
    environment: Literal["development", "production"] = "development"
    """`production` turns off the API description and sends Strict-Transport-Security."""
    cors_origins: Origins = ()
    """Origins whose pages may vote from a browser. They can read every response, errors included."""
    idempotency_ttl: Annotated[int, Field(ge=1, le=604_800)] = 3600
    """Seconds to remember an Idempotency-Key."""
    allow_revote: Literal["no", "yes"] = "no"
    """`yes` lets a browser vote again, as a further vote; with `no` its page keeps it to one. Only the page does so."""
    redis_durability: Literal["checked", "assumed"] = "checked"
    """`checked` refuses a Redis that may lose a confirmed vote; `assumed` trusts the operator and does not read its settings."""
    rate_limit: RateLimit = ""
    """Limit per client address, for example `10/second`; empty disables it. All processes and pods share the count."""
    rate_limit_ipv6_prefix: Annotated[int, Field(ge=1, le=128)] = 64
    """Length of the IPv6 prefix that counts as one client address; a client usually has a /64."""
    trusted_proxies: Networks = ()
    """Proxies whose X-Forwarded-For header is trusted. The client is the last address in it that is not one of them."""


class ConsumerSettings(Settings):
    """Variables of the consumer: the nine of the published interface and a few of its own."""

    stream_name: Annotated[str, Field(min_length=1, max_length=255)] = contract.STREAM
    """Stream to read."""
    consumer_group: Annotated[str, Field(min_length=1, max_length=255)] = contract.GROUP
    """Consumer group to read in."""
    consumer_name: Annotated[str, Field(min_length=1, max_length=255)] = Field(default_factory=socket.gethostname)
    """Name within the group."""
    batch_size: Annotated[int, Field(ge=1, le=10_000)] = 500
    """Maximum number of entries to count in one statement."""
    block_ms: Annotated[int, Field(ge=1, le=60_000)] = 2000
    """Milliseconds to wait for new entries in one read."""
    max_retries: Annotated[int, Field(ge=1, le=100)] = 3
    """Deliveries of an entry that the database rejects before it moves to the dead-letter stream."""
    claim_idle_ms: Annotated[int, Field(ge=100, le=86_400_000)] = 30_000
    """Idle time in milliseconds after which another consumer's pending entry is claimed."""
    metrics_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Port that serves Prometheus metrics; 0 disables it."""
    heartbeat_file: FilePath = Path("/tmp/votecheck-consumer-beat")  # noqa: S108 - a read-only container has no other writable directory; the file holds no secret
    """Heartbeat file, written by the loop and checked by `python -m system.consumer.heartbeat`."""
