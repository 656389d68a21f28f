"""Variables that a caller may have set for other programs, and the search for one that changes an outcome."""

from collections.abc import Callable, Mapping

from validation.core.settings import PROJECT

DEAD = "http://127.0.0.1:9"
NOWHERE = "/nonexistent"

PYTEST = {
    "PYTEST_ADDOPTS": "-k nothing --collect-only -x --maxfail=1",
    "PYTEST_PLUGINS": "no_such_plugin",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "PYTEST_DEBUG": "1",
    "PYTEST_THEME": "no-such-theme",
    "PYTEST_DEBUG_TEMPROOT": NOWHERE,
    "PYTEST_XDIST_WORKER": "gw7",
    "PYTEST_CURRENT_TEST": "another",
}
PYTHON = {
    "PYTHONOPTIMIZE": "2",
    "PYTHONWARNINGS": "error",
    "PYTHONHASHSEED": "1",
    "PYTHONPATH": f"{PROJECT}:{NOWHERE}",  # whatever else it is, this is the code under test
    "PYTHONSTARTUP": NOWHERE,
    "PYTHONUTF8": "0",
    "PYTHONIOENCODING": "ascii:strict",
    "PYTHONCOERCECLOCALE": "0",
    "PYTHONDEVMODE": "1",
    "PYTHONINSPECT": "1",
    "PYTHONINTMAXSTRDIGITS": "640",
    "PYTHONSAFEPATH": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "1",
    "PYTHONASYNCIODEBUG": "1",
    "PYTHONMALLOC": "debug",
    "PYTHONUSERBASE": NOWHERE,
    "PYTHONBREAKPOINT": "no.such_module",
}
LOCUST = {
    "LOCUST_MASTER": "true",
    "LOCUST_WORKER": "true",
    "LOCUST_HOST": DEAD,
    "LOCUST_USERS": "1",
    "LOCUST_RUN_TIME": "1s",
    "LOCUST_LOCUSTFILE": NOWHERE,
    "LOCUST_SKIP_MONKEY_PATCH": "1",
}
DATABASES = {
    "PGHOST": "192.0.2.1",
    "PGPORT": "9",
    "PGUSER": "nobody",
    "PGPASSWORD": "wrong",
    "PGDATABASE": "none",
    "PGSSLMODE": "require",
    "PGSSLROOTCERT": NOWHERE,
    "PGSSLNEGOTIATION": "direct",
    "PGSERVICE": "none",
    "PGSERVICEFILE": NOWHERE,
    "PGPASSFILE": "/",
    "PGTARGETSESSIONATTRS": "standby",
    "PGOPTIONS": "-c default_transaction_read_only=on",
    "PGDATA": NOWHERE,
    "PGCLIENTENCODING": "SQL_ASCII",
    "REDIS_URL": "redis://192.0.2.1:9/0",
    "DATABASE_URL": "postgresql://192.0.2.1:9/none",
    "REDISCLI_AUTH": "wrong",
}
SYSTEM = {
    "API_HOST": "192.0.2.1",
    "API_PORT": "9",
    "CORS_ORIGINS": "*",
    "RATE_LIMIT": "1",
    "RATE_LIMIT_PER_MINUTE": "1",
    "LOG_LEVEL": "CRITICAL",
    "BATCH_SIZE": "0",
    "STREAM_NAME": "other",
    "WEB_CONCURRENCY": "9",
    "UVICORN_WORKERS": "9",
    "HEARTBEAT_FILE": NOWHERE,
}
NETWORK = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), DEAD) | {
    "no_proxy": "none",
    "NO_PROXY": "none",
    "SSLKEYLOGFILE": NOWHERE,
    "OPENSSL_CONF": NOWHERE,
    "REQUESTS_CA_BUNDLE": NOWHERE,
    "GODEBUG": "netdns=go",
    "GOMEMLIMIT": "1MiB",
    "GOMAXPROCS": "1",
}
MACHINE = {
    "LANG": "tr_TR.ISO-8859-9",
    "LC_ALL": "C",
    "LC_CTYPE": "POSIX",
    "LC_NUMERIC": "de_DE.UTF-8",
    "LANGUAGE": "de",
    "TZ": "Pacific/Kiritimati",
    "TMPDIR": NOWHERE,
    "COLUMNS": "1",
    "LINES": "1",
    "TERM": "dumb",
    "MALLOC_PERTURB_": "7",
    "POSIXLY_CORRECT": "1",
    "SSL_CERT_FILE": NOWHERE,
    "SSL_CERT_DIR": NOWHERE,
}
TOOLS = {
    "GIT_DIR": NOWHERE,
    "GIT_WORK_TREE": NOWHERE,
    "GIT_INDEX_FILE": NOWHERE,
    "GIT_EXTERNAL_DIFF": "false",
    "GIT_CONFIG_COUNT": "x",
    "HELM_C_LIB": NOWHERE,
    "HELM_NAMESPACE": "other",
    "HELM_DEBUG": "true",
    "HELM_DRIVER": "none",
    "KUBECONFIG": NOWHERE,
    "KUBERNETES_SERVICE_HOST": "192.0.2.1",
    "KUBERNETES_SERVICE_PORT": "9",
    "TRIVY_SEVERITY": "LOW",
    "HADOLINT_IGNORE": "DL3006",
    "OTEL_SDK_DISABLED": "false",
    "OTEL_EXPORTER_OTLP_ENDPOINT": DEAD,
    "GITHUB_ACTIONS": "true",
    "GITHUB_STEP_SUMMARY": f"{NOWHERE}/summary.md",
    "GITHUB_WORKSPACE": NOWHERE,
    "GITHUB_TOKEN": "wrong",
    "VOTECHECK_RUN": "20260101-000000-none",
    "VOTECHECK_PARENT": "1",
}
HOSTILE = PYTEST | PYTHON | LOCUST | DATABASES | SYSTEM | NETWORK | MACHINE | TOOLS


def guilty(variables: Mapping[str, str], unchanged: Callable[[Mapping[str, str]], bool]) -> list[str]:
    """Return which variables change an outcome; all at once first, then by halves. `unchanged` runs with them and compares."""
    if unchanged(variables):
        return []
    if len(variables) == 1:
        return list(variables)
    names = list(variables)
    halves = [{name: variables[name] for name in half} for half in (names[: len(names) // 2], names[len(names) // 2 :])]
    return [name for half in halves for name in guilty(half, unchanged)] or [f"{names} together"]
