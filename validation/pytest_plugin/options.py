"""Options, markers and settings of a session."""

from pathlib import Path

import pytest

from validation.core.settings import PROJECT, SHIPPED_TARGETS, RunSettings
from validation.pytest_plugin.items import AT_CLUSTER, NEEDS_TAGS, THOROUGH
from validation.pytest_plugin.stash import FAILED, SETTINGS
from validation.record.run_ids import new_run_id
from validation.registry.checkpoints import registry
from validation.targets import removers


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the target options of `votecheck run`, for features that plain pytest runs."""
    group = parser.getgroup("votecheck")
    group.addoption("--target", default="local", choices=SHIPPED_TARGETS, help="where the system under test runs")
    group.addoption("--source", default=None, help="folder whose system/ and chart/ are validated")
    for name in ("API", "Redis", "database"):
        group.addoption(f"--{name.lower()}-url", default="", help=f"URL of an existing {name}: votecheck uses it and leaves it running")


def pytest_configure(config: pytest.Config) -> None:
    """Register each tag as a marker, so that a mistyped tag is a collection error, and store the settings."""
    for checkpoint in registry().values():
        config.addinivalue_line("markers", f"{checkpoint.mark}: checkpoint {checkpoint.id}, {checkpoint.title}")
    for phase in {c.phase for c in registry().values()}:
        config.addinivalue_line("markers", f"phase_{phase}: phase {phase} of the protocol")
    for tag, name in NEEDS_TAGS.items():
        config.addinivalue_line("markers", f"{tag}: runs on targets that offer {name}")
    config.addinivalue_line("markers", f"{AT_CLUSTER}: runs a second time, on the installation in the cluster")
    config.addinivalue_line("markers", f"{THOROUGH}: repeats another scenario under further conditions; skipped by --quick")
    config.addinivalue_line("markers", "reconstructed: the original protocol counts this checkpoint and does not describe it")
    config.stash.setdefault(SETTINGS, _settings_of(config))
    config.stash[FAILED] = set()
    removers.register_all()


def _settings_of(config: pytest.Config) -> RunSettings:
    option = config.option
    if "--source" in config.invocation_params.args:
        raise pytest.UsageError(f"Write --source={option.source}, with = and without a space: pytest takes a folder for one with tests.")
    return RunSettings(
        source=Path(option.source or PROJECT).resolve(),
        target=option.target,
        api_url=option.api_url,
        redis_url=option.redis_url,
        database_url=option.database_url,
        run=new_run_id(),
        command="pytest",
    )
