"""Every variable of every program with values that cannot work: exit code 2 and one line that names the variable and hides secrets."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from system.settings import ApiSettings, ConsumerSettings
from tests.unit.servers import free_port
from validation.core.settings import PROJECT
from validation.targets.local.forking import READ_WHEN_IMPORTED, ForkServer

SECRET = "hunter2"  # noqa: S105 - of no server
SECONDS = 30
LONG = "a" * 64
NOT_UTF8 = "\udcff"
REDIS = [
    f"http://:{SECRET}@host",
    f"redis://:{SECRET}#1@host/0",
    f"redis://:{SECRET}/1@host/0",
    f"redis://:{SECRET}@host/0\n",
    f"redis://:{SECRET}@host,other/0",
    f"redis://:{SECRET}@host/0?protocol=3",
    f"redis://:{SECRET}@host/0?decode_responses=true",
    f"redis://:{SECRET}@host/0?max_connections=0",
    f"rediss://:{SECRET}@host/0?ssl_ca_certs=/missing",
    f"redis://host?password={SECRET}",
    NOT_UTF8,
    "",
]
DATABASE = [
    f"mysql://u:{SECRET}@host/x",
    f"postgresql://u:{SECRET}#x@host/x",
    f"postgresql://u:1?{SECRET}=@host/x",
    f"postgresql://u:{SECRET}@host/x?options=-csynchronous_commit%3Doff",
    f"postgresql://u:{SECRET}@host/x?channel_binding=require",
    f"postgresql://u:{SECRET}@host/x?sslrootcert=/missing&sslmode=verify-full",
    f"postgresql://u:{SECRET}@host/x?target_session_attrs=standby",
    f"postgresql://u:{SECRET}@a,,b/x",
    f"postgresql://u:{SECRET}@{LONG}/x",
    "",
]
COLLECTOR = [
    "collector:4318",
    "grpc://collector:4317",
    "http://",
    "http://collector:99999",
    f"http://user:{SECRET}@collector:4318",
    f"http://collector:4318/?token={SECRET}",
    f"http://collector:4318/#{SECRET}",
    "http://collector:4318\n",
]
BOTH = {
    "REDIS_URL": REDIS,
    "DATABASE_URL": DATABASE,
    "VOTE_OPTIONS": ["", "cats,cats", "Cats"],
    "LOG_LEVEL": ["info", ""],
    "OTEL_EXPORTER_OTLP_ENDPOINT": COLLECTOR,
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": COLLECTOR,
    "OTEL_SDK_DISABLED": ["yes", "1"],
    "OTEL_TRACES_SAMPLER": ["sometimes", "always on"],
    "OTEL_TRACES_SAMPLER_ARG": ["half", "-0.1", "1.1", "nan"],
}
API = BOTH | {
    "API_HOST": ["", LONG, "a..b", "[::1]", "192.0.2.1", NOT_UTF8],
    "API_PORT": ["0", "65536", "many", ""],
    "API_WORKERS": ["0", "65"],
    "ENVIRONMENT": ["Production"],
    "CORS_ORIGINS": ["*", "https://a/b", "https://A", "https://a:443", f"https://{NOT_UTF8}"],
    "IDEMPOTENCY_TTL": ["0", "1.5"],
    "ALLOW_REVOTE": ["true"],
    "REDIS_DURABILITY": ["no"],
    "API_KEEP_ALIVE": ["0", "3601"],
    "RATE_LIMIT_IPV6_PREFIX": ["0", "129"],
    "RATE_LIMIT": ["fast", "9" * 5000 + "/second", "0/second"],
    "TRUSTED_PROXIES": ["*", "10.0.0.0/33", "proxy"],
}
CONSUMER = {name: values[::4] for name, values in BOTH.items()} | {
    "STREAM_NAME": ["", "a" * 256, NOT_UTF8],
    "CONSUMER_GROUP": ["", "a" * 256],
    "CONSUMER_NAME": ["", "a" * 256],
    "BATCH_SIZE": ["0", "10001", "9" * 5000],
    "BLOCK_MS": ["0", "60001", "1e3"],
    "MAX_RETRIES": ["0", "101"],
    "CLAIM_IDLE_MS": ["99", "86400001"],
    "METRICS_PORT": ["-1", "65536"],
    "HEARTBEAT_FILE": ["", "/", "/tmp", "/missing/file"],  # noqa: S108 - a folder
}
PROGRAMS = {
    "system.api": (API, ""),
    "system.consumer": (CONSUMER, "consumer: "),
    "system.db.migrate": ({"DATABASE_URL": DATABASE[::3]}, "migrate: "),
    "system.db.reconcile": ({"DATABASE_URL": DATABASE[::4]}, "reconcile: "),
}


def run(module: str, variables: dict[str, str], folder: Path | None = None) -> "subprocess.CompletedProcess[str]":
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder or os.environ.get("PYTHONPATH", "")), "API_PORT": str(free_port())}
    command = [sys.executable, "-m", module]
    try:
        return subprocess.run(command, env=env | variables, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"{module} still runs after {SECONDS} s") from None


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    """A program that starts as a fork imports no library anew, and so refuses a value in a tenth of the time."""
    server = ForkServer(PROJECT, tmp_path_factory.mktemp("forks"))
    yield server
    server.close()


def problem(module: str, variable: str, value: str, forks: ForkServer | None, log: Path) -> str:
    """Return what is wrong with the refusal of a value, or an empty text."""
    if forks is None or variable.startswith(READ_WHEN_IMPORTED):
        ended = run(module, {variable: value})
        code, printed, elsewhere = ended.returncode, ended.stderr, ended.stdout
    else:
        with log.open("wb") as output:
            fork = forks.fork(module, {"PATH": os.environ["PATH"], "API_PORT": str(free_port()), variable: value}, output)
        code, printed, elsewhere = fork.wait(SECONDS), log.read_text(encoding="utf-8"), ""
    right = (code, elsewhere, printed.count("\n")) == (2, "", 1) and printed.startswith(f"{PROGRAMS[module][1]}{variable}: ")
    return "" if right and SECRET not in printed else f"{variable}={value!r:.60}: {code} {elsewhere[-99:]} {printed[-200:]}"


@pytest.mark.parametrize("module", PROGRAMS)
def test_a_value_that_cannot_work_ends_the_program_with_one_line(module: str, forks: ForkServer, tmp_path: Path) -> None:
    rows = [(variable, value) for variable, values in PROGRAMS[module][0].items() for value in values]
    results = [problem(module, *row, forks if number else None, tmp_path / "log") for number, row in enumerate(rows)]
    assert [found for found in results if found] == []


@pytest.mark.parametrize(("settings", "table"), [(ApiSettings, API), (ConsumerSettings, CONSUMER)])
def test_every_variable_has_a_row(settings: type[ApiSettings | ConsumerSettings], table: dict[str, list[str]]) -> None:
    assert {name.upper() for name in settings.model_fields} == table.keys()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_application_that_cannot_start_ends_the_process(workers: str, tmp_path: Path) -> None:
    shutil.copytree(Path(__file__).parents[2] / "system", tmp_path / "system", ignore=shutil.ignore_patterns("web", "__pycache__"))
    ended = run("system.api", {"API_WORKERS": workers}, tmp_path)  # without its page, the application raises an error
    assert ended.returncode == 3
    assert "Application startup failed" in ended.stdout


def test_networks_with_bits_to_the_right_are_trusted() -> None:
    assert ApiSettings(trusted_proxies="10.1.2.3/8,::1").trusted_proxies == ("10.0.0.0/8", "::1/128")
