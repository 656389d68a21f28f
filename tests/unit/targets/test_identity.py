"""A target is identified as far as its servers answer: one that refuses is left out, whatever its error."""

from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.servers import Server, free_port, postgres
from validation.core.errors import NotProven
from validation.core.settings import RunSettings
from validation.targets.identity import identify


@pytest.fixture(scope="module")
def database() -> Any:
    with postgres() as server:
        yield server


def target(at: str, images: Any = dict, **settings: str) -> Any:
    redis = SimpleNamespace(url=f"redis://127.0.0.1:{free_port()}/0")
    return SimpleNamespace(redis=redis, database=SimpleNamespace(url=at), settings=RunSettings(**settings), images=images)


def test_a_database_is_named_with_its_version(database: Server) -> None:
    found = identify(target(database.url))
    assert found.servers["PostgreSQL"].startswith("PostgreSQL 1")
    assert set(found.servers) == {"PostgreSQL"}


def test_an_external_database_has_its_address_without_secrets(database: Server) -> None:
    found = identify(target(database.url, database_url="postgresql://me:secret@db.example:5432/votes?sslmode=require"))
    assert found.servers["PostgreSQL"].endswith(" at postgresql://db.example:5432/votes")


@pytest.mark.parametrize("what", ["no such database", "no such user", "nobody listens", "not a URL"])
def test_a_server_that_refuses_is_left_out(what: str, database: Server) -> None:
    url = {
        "no such database": f"{database.url.rpartition('/')[0]}/missing",
        "no such user": database.url.replace("postgres@", "stranger@"),
        "nobody listens": f"postgresql://postgres@127.0.0.1:{free_port()}/postgres",
        "not a URL": "postgresql://[",
    }[what]
    assert identify(target(url)).servers == {}


def test_images_that_cannot_be_read_are_left_out(database: Server) -> None:
    def refuse() -> dict[str, str]:
        raise NotProven("The engine does not answer.")

    assert identify(target(database.url, refuse)).images == {}


def test_an_api_in_production_names_no_version(database: Server) -> None:
    assert "API" not in identify(target(database.url, api_url=f"http://127.0.0.1:{free_port()}")).servers
