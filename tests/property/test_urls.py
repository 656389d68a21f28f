"""Whatever text REDIS_URL and DATABASE_URL hold: refused at startup in one line without a secret, or read alike by everyone."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
from asyncpg import connect_utils
from hypothesis import example, given
from hypothesis import strategies as st
from redis.asyncio import Connection, ConnectionPool
from redis.asyncio.connection import UnixDomainSocketConnection, parse_url

from system import urls
from tests.chart.values_table import CHART

SECRET = "hunter2"  # noqa: S105 - of no server
RESERVED = st.sampled_from(
    ["", "#", "@", "/", "?", ":", "%", "%zz", "%ff", "%00", "%40", "%2F", "=", "&", "[", "]", "é", " ", "\n", "\\", "+"]
)
USERS = st.sampled_from(["", ":", "user", "user:", "user%40x:", "u:s:"])
HOSTS = st.sampled_from(["h", "127.0.0.1", "[::1]", "[fe80::1%25eth0]", "[::1", "::1", "[zz]", "",
                         "a,b", "a,,b", "h..x", "x" * 70, "a:1,b:2",
                         "%2Frun%2Fpg",
                         "h:0", "h:70000", "h:x", "h:", "H", "h.", "-"])  # fmt: skip
PORTS = st.sampled_from(["", "", ":1", ":6379"])
PATHS = st.sampled_from(["", "/", "/0", "/7", "/x", "/1/2", "/-1", "/1_0", "//", "/d%2Fe", "/%30", "/run/redis.sock"])
OPTIONS = st.sampled_from([
    "", "?", "?db=3", "?protocol=3", "?decode_responses=true", "?socket_timeout=0", "?max_connections=0", "?client_name=x", "?host=other",
    "?host=/run/pg", "?host=a,b&port=1,2", "?host=a&host=b", "?port=9", "?user=x", "?password=hunter2", "?dbname=z",
    "?options=-cfsync%3Doff",
    "?statement_timeout=0", "?synchronous_commit=off", "?sslmode=require", "?sslmode=wat",
    "?sslrootcert=/nope", "?ssl_ca_certs=/nope",
    "?ssl_cert_reqs=none", "?ssl_cert_reqs=wat", "?target_session_attrs=standby", "?target_session_attrs=primary", "?service=x",
    "?x", "?=1",
    "?db=", "?application_name=x", "?search_path=x", "?channel_binding=require", "#x",
])  # fmt: skip
SCHEMES = st.sampled_from(["redis", "rediss", "unix", "postgres", "postgresql", "REDIS", "http", ""])

ALLOWED = {"connection_class", "host", "port", "db", "username", "password", "path", *urls.TLS}
"""Arguments of a Redis connection that a URL may set."""


@st.composite
def addresses(draw: st.DrawFn) -> str:
    user = draw(USERS)
    login = f"{user}{SECRET}{draw(RESERVED)}@" if user or draw(st.booleans()) else ""
    return f"{draw(SCHEMES)}://{login}{draw(HOSTS)}{draw(PORTS)}{draw(PATHS)}{draw(OPTIONS)}"


def probe() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reachable", Path(CHART) / "files" / "reachable.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PROBE = probe()


def assert_safe(refusal: ValueError) -> None:
    message = str(refusal)
    assert SECRET not in message
    assert message.isprintable()
    assert len(message) < 250


@given(addresses())
@example("redis://:hunter2#1@host/0")
@example("redis://:12#hunter2@host/0")
@example("redis://hunter2:12/3@host/0")
@example("unix:///run/redis.sock?db=1&password=hunter2")
@example("redis://[::1]")
def test_a_redis_url_has_one_reading(url: str) -> None:
    try:
        urls.redis_url(url)
    except ValueError as refusal:
        assert_safe(refusal)
        return
    assert parse_url(url).keys() <= ALLOWED
    connection = ConnectionPool.from_url(url).make_connection()
    if isinstance(connection, UnixDomainSocketConnection):
        assert PROBE.addresses(url, 6379) == [connection.path]
        return
    assert isinstance(connection, Connection)
    assert PROBE.addresses(url, 6379) == [(connection.host, connection.port)]
    stated = re.fullmatch(r"rediss?://(?:.*@)?(?P<host>\[.*\]|[^:/?]*)(?::(?P<port>\d+))?(?:/(?P<db>\d*))?(?:\?.*)?", url)
    assert stated is not None, "another reader would see something else"
    assert stated["host"].strip("[]").replace("%25", "%").lower() == connection.host
    assert (int(stated["port"] or 6379), int(stated["db"] or 0)) == (connection.port, int(connection.db))


@given(addresses())
@example("postgresql://u:12?hunter2=3@host/db")
@example("postgresql://u:hunter2@w@host/db")
@example("postgresql://u:p@h1,h2:5433/d?target_session_attrs=read-write")
@example("postgresql://u:p@/d?host=/run/postgresql&port=5433")
def test_a_database_url_has_one_reading(url: str) -> None:
    try:
        urls.database_url(url)
    except ValueError as refusal:
        assert_safe(refusal)
        return
    reading = connect_utils._parse_connect_dsn_and_args(
        dsn=url, host=None, port=None, user=None, password=None, passfile=None, database=None, ssl=None, service=None, servicefile=None,
        direct_tls=None, server_settings=None, target_session_attrs=None, krbsrvname=None, gsslib=None,
    )  # fmt: skip
    found, parameters = reading
    assert PROBE.addresses(url, 5432) == found
    assert (parameters.server_settings or {}).keys() <= {"application_name", "search_path"}
    assert parameters.target_session_attrs.value in urls.WRITABLE
    for host in (where[0] for where in found if isinstance(where, tuple)):
        host.encode("idna")


@pytest.mark.parametrize(
    ("url", "used"),
    [
        ("redis://h", ("h", 6379, None, None, 0)),
        ("redis://u%40x:p%23%2F%3A%40@h:1/5", ("h", 1, "u@x", "p#/:@", 5)),
        ("rediss://:p@[2001:db8::1]:7/2?ssl_cert_reqs=none", ("2001:db8::1", 7, None, "p", 2)),
    ],
)
def test_what_a_redis_url_states_is_used(url: str, used: tuple[object, ...]) -> None:
    connection = ConnectionPool.from_url(urls.redis_url(url)).make_connection()
    assert isinstance(connection, Connection)
    assert (connection.host, connection.port, connection.username, connection.password, connection.db) == used
