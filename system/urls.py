"""The URLs of Redis and PostgreSQL: refuse at startup what a client library cannot use, or what another reader would read differently.

The libraries accept more than they can use: they drop what they do not understand, and let a URL override the settings that the system
relies on. The readiness probe and KEDA read the same URLs. A URL passes only if it has one meaning for all of them.
No message quotes more of a URL than the name of an option: any other part may be a secret.
"""

import re
from collections.abc import Callable, Collection
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

ENCODE = "percent-encode special characters in the password, for example # as %23 and @ as %40"
CERTIFICATES = "a certificate or key named in the URL cannot be read"
TLS = frozenset({
    "ssl_ca_certs", "ssl_ca_path", "ssl_ca_data", "ssl_cert_reqs", "ssl_certfile", "ssl_keyfile", "ssl_password", "ssl_check_hostname",
    "ssl_ciphers", "ssl_min_version", "ssl_include_verify_flags", "ssl_exclude_verify_flags",
})  # fmt: skip
REDIS_OPTIONS = {"redis": frozenset[str](), "rediss": TLS, "unix": frozenset({"db", "username", "password"})}
"""Options that a Redis URL may have. All others are set by the system, or have their place before the `?`."""
POSTGRES_OPTIONS = frozenset({
    "host", "port", "user", "password", "dbname", "passfile", "sslmode", "sslnegotiation", "sslcert", "sslkey", "sslpassword",
    "sslrootcert", "sslcrl", "ssl_min_protocol_version", "ssl_max_protocol_version", "target_session_attrs", "application_name",
    "search_path",
})  # fmt: skip
"""Options that a PostgreSQL URL may have. The server would get any other as a setting, which overrides or is unknown."""
WRITABLE = frozenset({"any", "read-write", "primary"})
"""Values of `target_session_attrs` that lead to a server that can count votes."""

OPTION_NAME = re.compile(r"[A-Za-z_]{1,64}")
NUMBER = re.compile(r"[0-9]{1,9}")
BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
LABEL = r"[A-Za-z0-9_-]{1,63}"  # a longer or empty one cannot be looked up: neither library expects the UnicodeError
HOST = re.compile(rf"(\[[0-9A-Fa-f:.]+(%25[A-Za-z0-9._-]+)?\]|{LABEL}(\.{LABEL})*\.?)(:(?P<port>[0-9]{{1,5}}))?")
HOST_MAX = 253
SOCKET = re.compile(r"(/|%2[Ff])[A-Za-z0-9%._/-]+")
PORT_MAX = 65535


def redis_url(url: str) -> str:
    """Return the URL if redis-py reads it as everyone else does.

    Raises:
        ValueError: it does not; the message says what to do and contains no secret.
    """
    parts = _split(url, REDIS_OPTIONS, "redis://host:6379/0")
    _options(parts, REDIS_OPTIONS[parts.scheme])
    if parts.scheme == "unix":
        if _host_part(parts) or not SOCKET.fullmatch(parts.path):
            raise ValueError("must name the socket by its full path, for example unix:///run/redis.sock?db=0")
        if not NUMBER.fullmatch(dict(parse_qsl(parts.query)).get("db", "0")):
            raise ValueError("must name the database by its number, for example ?db=0")
    else:
        if not _is_host(_host_part(parts)):
            raise ValueError(f"must name one host, for example redis://:password@host:6379/0; {ENCODE}")
        if not re.fullmatch(rf"/?|/{NUMBER.pattern}", parts.path):
            raise ValueError(f"must end with the number of the database, for example redis://host:6379/0; {ENCODE}")
    _try(lambda: _connect_redis(url))
    return url


def database_url(url: str) -> str:
    """Return the URL if asyncpg reads it as everyone else does.

    Raises:
        ValueError: it does not; the message says what to do and contains no secret.
    """
    parts = _split(url, ("postgresql", "postgres"), "postgresql://user:password@host:5432/name")
    options = _options(parts, POSTGRES_OPTIONS)
    user, _, password = _user_part(parts).partition(":")
    stated = {"host": _host_part(parts), "port": _host_part(parts), "user": user, "password": password, "dbname": parts.path.strip("/")}
    for name, value in stated.items():
        if name in options and value:
            raise ValueError(f"states its {name} twice: remove the option {name}, or what it repeats before the ?")
    if "/" in parts.path[1:]:
        raise ValueError(f"must end with the name of one database, for example postgresql://user:password@host:5432/name; {ENCODE}")
    hosts = _host_part(parts) or options.get("host", "")
    ports = options["port"].split(",") if "port" in options else []
    if not all(_is_host(host) or SOCKET.fullmatch(host) for host in hosts.split(",")):
        raise ValueError(f"must name a host, or several separated by commas; {ENCODE}")
    if not all(_is_port(port) for port in ports) or len(ports) not in {0, 1, hosts.count(",") + 1} or (ports and ":" in hosts):
        raise ValueError("must give a port for each host, or one for all")
    if options.get("target_session_attrs", "any") not in WRITABLE:
        raise ValueError("the option target_session_attrs must lead to a server that can write: use read-write or primary")
    _try(lambda: _connect_postgres(url))
    return url


def collector_url(url: str) -> str:
    """Return the URL of a collector of traces, or an empty text.

    Raises:
        ValueError: it is not a plain URL; the message contains no part of it.
    """
    found = re.fullmatch(r"https?://([^/?#@]+)(/[A-Za-z0-9._~/-]*)?", url)
    if url and not (found and _is_host(found[1])):
        raise ValueError(
            "must look like http://collector:4318, without user, password or options; set a token by OTEL_EXPORTER_OTLP_HEADERS"
        )
    return url


def _split(url: str, schemes: Collection[str], example: str) -> SplitResult:
    """Split a URL in which nothing can be taken for a separator that is not one."""
    if not url.startswith(tuple(f"{scheme}://" for scheme in schemes)):
        raise ValueError(f"must look like {example}")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(f"contains white space, a line break or a character outside ASCII: remove it, or {ENCODE}")
    _, at, rest = url.partition("://")[2].partition("@")
    try:
        parts = urlsplit(url)
        unreadable = BROKEN_ESCAPE.search(url) or not unquote(url, errors="strict").isprintable()
    except ValueError:  # a UnicodeError is one
        unreadable = True
    if unreadable or "#" in url or (at and "@" in rest) or (at and "@" not in parts.netloc):
        raise ValueError(f"cannot be parsed: {ENCODE}")
    return parts


def _options(parts: SplitResult, allowed: Collection[str]) -> dict[str, str]:
    """Return the options of a URL, each of which must be allowed, have a value and occur once."""
    try:
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise ValueError(f"must have options like ?name=value; {ENCODE}") from None
    options = dict(pairs)
    for name, value in pairs:
        if not OPTION_NAME.fullmatch(name):
            raise ValueError(f"must have options like ?name=value; {ENCODE}")
        if name not in allowed:
            raise ValueError(f"remove the option {name}: {_advice(name, parts.scheme)}")
        if not value or len(pairs) != len(options):
            raise ValueError(f"must have each option once and with a value; see {name}")
    return options


def _advice(name: str, scheme: str) -> str:
    if name in TLS:
        return "use rediss:// for an encrypted connection"
    if name in {"host", "port", "path", "db", "username", "password", "user", "database"}:
        return "state it before the ?"
    if scheme.startswith("postgres"):
        return "the system sets what it relies on, and the server would take it for a setting"
    return "the system sets what it relies on"


def _user_part(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[0]


def _host_part(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]


def _is_host(text: str) -> bool:
    found = HOST.fullmatch(text)
    return found is not None and len(text) <= HOST_MAX and (found["port"] is None or _is_port(found["port"]))


def _is_port(text: str) -> bool:
    return bool(NUMBER.fullmatch(text)) and 1 <= int(text) <= PORT_MAX


def _try(connect: Callable[[], object]) -> None:
    """Build what the library builds before it connects.

    Raises:
        ValueError: it cannot. The library's own message may quote a part of the password.
    """
    try:
        connect()
    except OSError:  # an SSLError is one
        raise ValueError(CERTIFICATES) from None
    except Exception:  # noqa: BLE001 - each library raises whatever its parser stumbles over
        raise ValueError(f"cannot be used by the client library: check its options, and {ENCODE}") from None


def _connect_redis(url: str) -> None:
    from redis.asyncio import ConnectionPool, SSLConnection  # noqa: PLC0415 - the heartbeat command reads settings and needs no library

    connection = ConnectionPool.from_url(url).make_connection()  # type: ignore[no-untyped-call] # redis-py's decorator hides the type
    if isinstance(connection, SSLConnection):
        connection.ssl_context.get()


def _connect_postgres(url: str) -> object:
    from asyncpg import connect_utils  # noqa: PLC0415 - likewise

    # asyncpg has no public function that only parses. The pins are hashed, and tests/unit/test_urls.py fails if this one changes.
    others = ("host", "port", "user", "password", "passfile", "database", "ssl", "service", "servicefile", "direct_tls",
              "server_settings", "target_session_attrs", "krbsrvname", "gsslib")  # fmt: skip
    return connect_utils._parse_connect_dsn_and_args(dsn=url, **dict.fromkeys(others))  # type: ignore[attr-defined] # noqa: SLF001
