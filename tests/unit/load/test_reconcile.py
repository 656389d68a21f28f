"""Every vote of a run is found again in the ledger of a real PostgreSQL, and what is wrong is found and named."""

import resource
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import given, settings
from hypothesis import strategies as some

from loadtests.records import LINE, SUFFIX, Line
from tests.unit import servers
from tests.unit.load.ledger import VOTES, Database, Plan
from tests.unit.load.records import BEGAN, again, grown, vote, written
from validation.core.errors import HarnessError, ProbeError
from validation.load import reconcile
from validation.load.result import Reconciliation
from validation.probes.running.store import StoreProbe

MANY = 200_000


@pytest.fixture(scope="module")
def postgres() -> Iterator[servers.Server]:
    with servers.migrated_postgres() as server:
        yield server


@pytest.fixture(scope="module")
def database(postgres: servers.Server) -> Iterator[Database]:
    with start_blocking_portal() as portal:
        yield Database(postgres.url, portal)


def wrong(reconciliation: Reconciliation) -> tuple[int, int, int, int]:
    return reconciliation.lost, reconciliation.never_accepted, reconciliation.wrong_option, reconciliation.count_difference


def same(vote_id: UUID, **more: Any) -> Line:
    return vote(vote_id=vote_id, **more)


@settings(max_examples=60)
@given(VOTES, some.dictionaries(some.sampled_from(["cats", "birds"]), some.integers(1, 5)), some.booleans())
def test_the_reconciliation_finds_exactly_what_is_wrong(
    database: Database, votes: list[tuple[str, str, UUID, UUID]], more: dict[str, int], spread: bool
) -> None:
    plan = Plan()
    first = {one for _, _, one, _ in votes}
    for number, (fate, option, one, two) in enumerate(votes):
        plan.add(number, fate, option, one, two if two not in first else uuid4())
    database.has(plan.rows, more=more)
    with TemporaryDirectory() as folder:
        voter = [[line for line in plan.lines if line.number % 2 == half] for half in (0, 1)] if spread else [plan.lines]
        written(Path(folder), *voter)
        reconciliation = database.reconciliation(Path(folder))
        assert len(list(reconcile.unanswered(Path(folder)))) == plan.unanswered
    assert wrong(reconciliation) == (plan.lost, plan.never_accepted, plan.wrong_option, sum(more.values()))
    assert (reconciliation.accepted, reconciliation.unanswered) == (plan.accepted, plan.unanswered)
    assert len(plan.rows) == reconciliation.accepted - reconciliation.lost + reconciliation.never_accepted
    assert len(reconciliation.listed) == min(20, plan.lost + plan.never_accepted + plan.wrong_option + len(more))


def test_wrong_votes_are_listed_in_words(database: Database, tmp_path: Path) -> None:
    ids = [UUID(int=number) for number in range(1, 9)]
    written(
        tmp_path,
        [
            same(ids[0], number=1, at=0),
            same(ids[1], number=2, at=12.29),
            same(ids[2], number=3, at=1),
            same(ids[4], number=4, at=2),
            again(same(ids[5], number=4, at=3)),
            same(ids[6], number=5, at=4),
            same(ids[6], number=6, at=5),
            vote(7, at=6, vote_id=None),
        ],
    )
    rows = [(ids[0], "cats", 1.0), (ids[2], "dogs", 1.0), (ids[3], "dogs", 2.0), *((ids[n], "cats", 4.0) for n in (4, 5, 6))]
    database.has(rows, more={"dogs": 3})
    assert database.reconciliation(tmp_path, ahead=0.5).listed == [
        "count of dogs: 5, and the ledger has 2 rows",
        f"lost {UUID(int=0)} cats, answered at 6.0 s",
        f"lost {ids[1]} cats, answered at 12.3 s",
        f"wrong option {ids[2]} cats, counted for dogs, answered at 1.0 s",
        f"never accepted {ids[3]} dogs, counted at 1.5 s",
        f"never accepted {ids[5]} cats, counted at 3.5 s: a second vote for one key",
        f"lost {ids[6]} cats, answered at 5.0 s: it has the id of another vote",
    ]


def test_at_most_twenty_differences_are_listed(database: Database, tmp_path: Path) -> None:
    written(tmp_path, [same(uuid4(), number=number) for number in range(30)])
    database.has([])
    reconciliation = database.reconciliation(tmp_path)
    assert (reconciliation.lost, len(reconciliation.listed)) == (30, 20)


def test_count_times_run_from_the_answer_to_the_row_on_one_clock(database: Database, tmp_path: Path) -> None:
    ids = [uuid4() for _ in range(100)]
    written(tmp_path, [same(one, number=number, at=number) for number, one in enumerate(ids)])
    database.has((one, "cats", number + 0.01 + 0.001 * (number + 1) + 7) for number, one in enumerate(ids))
    reconciliation = database.reconciliation(tmp_path, ahead=7.0)
    assert (reconciliation.count_p50, reconciliation.count_p95, reconciliation.count_max) == pytest.approx((50, 95, 100), rel=0.001)
    assert sum(count for _, count in reconciliation.count_histogram) == 100


def test_a_vote_counted_before_its_answer_was_read_took_no_time(database: Database, tmp_path: Path) -> None:
    one = uuid4()
    written(tmp_path, [same(one, took=0.2)])
    database.has([(one, "cats", 0.1)])
    reconciliation = database.reconciliation(tmp_path)
    assert (reconciliation.count_p50, reconciliation.count_max, reconciliation.count_histogram) == (0, 0, [(0.1, 1)])


def test_the_count_time_of_a_vote_answered_twice_runs_from_the_first_answer(database: Database, tmp_path: Path) -> None:
    one = uuid4()
    written(tmp_path, [again(same(one, took=0.3)), same(one, took=0.1), again(same(one, took=0.2))])
    database.has([(one, "cats", 0.4)])
    assert database.reconciliation(tmp_path).count_max == pytest.approx(300)


def test_votes_of_the_warm_up_are_reconciled_but_not_timed(database: Database, tmp_path: Path) -> None:
    early, late = uuid4(), uuid4()
    written(tmp_path, [same(early, number=1, at=0), same(late, number=2, at=5)])
    database.has([(early, "cats", 4.0), (late, "cats", 5.02)])
    assert database.reconciliation(tmp_path).count_max == pytest.approx(3990)
    reconciliation = database.reconciliation(tmp_path, warm_up=5.0)
    assert (reconciliation.accepted, reconciliation.count_max, wrong(reconciliation)) == (2, pytest.approx(10), (0, 0, 0, 0))


def test_unanswered_votes_can_be_sent_again_with_their_keys(tmp_path: Path) -> None:
    first = [vote(1, status=0, option="dogs"), vote(2, status=500), vote(3, status=429), vote(4), vote(5, status=0), again(vote(5))]
    names = written(tmp_path, first, [again(vote(1, status=502)), vote(1, status=0)])
    told = [(process, number, option) for process, number, option in reconcile.unanswered(tmp_path)]
    assert sorted(told) == sorted([(names[0], 1, "dogs"), (names[0], 2, "cats"), (names[1], 1, "cats")])


def test_votes_answered_when_sent_again_are_accepted_but_not_timed(database: Database, tmp_path: Path) -> None:
    counted, lost = uuid4(), uuid4()
    written(tmp_path, [vote(1, status=0), vote(2, status=0), vote(3, status=0)])
    database.has([(counted, "cats", 0.1)])
    told = [(str(counted), "cats", BEGAN + 60), (str(lost), "cats", BEGAN + 61), ("no UUID", "cats", BEGAN + 62)]
    reconciliation = database.reconciliation(tmp_path, again=told)
    assert (reconciliation.accepted, reconciliation.unanswered, wrong(reconciliation)) == (3, 3, (2, 0, 0, 0))
    assert (reconciliation.count_histogram, reconciliation.count_p95) == ([], 0)
    assert f"lost {lost} cats, answered at 61.0 s" in reconciliation.listed


def test_a_resent_vote_with_the_id_of_another_is_lost(database: Database, tmp_path: Path) -> None:
    one = uuid4()
    written(tmp_path, [same(one), vote(2, status=0)])
    database.has([(one, "cats", 0.1)])
    assert wrong(database.reconciliation(tmp_path, again=[(str(one), "cats", BEGAN + 60)])) == (1, 0, 0, 0)


def test_votes_counted_before_the_run_are_ignored(database: Database, tmp_path: Path) -> None:
    one = uuid4()
    written(tmp_path, [same(one)])
    database.has([(uuid4(), "dogs", -1.0), (one, "cats", 0.1)])
    assert wrong(database.reconciliation(tmp_path)) == (0, 0, 0, 0)


def test_without_a_record_every_counted_vote_was_never_accepted(database: Database, tmp_path: Path) -> None:
    database.has([(uuid4(), "cats", 1.0)])
    reconciliation = database.reconciliation(tmp_path)
    assert (reconciliation.accepted, reconciliation.unanswered, reconciliation.never_accepted, reconciliation.count_histogram) == (
        0,
        0,
        1,
        [],
    )
    assert list(reconcile.unanswered(tmp_path)) == []


def test_a_truncated_record_is_ignored(database: Database, tmp_path: Path) -> None:
    ids = [uuid4(), uuid4()]
    (process,) = written(tmp_path, [same(one, number=number) for number, one in enumerate(ids)])
    file = tmp_path / f"{process}{SUFFIX}"
    file.write_bytes(file.read_bytes()[: LINE.size + 7])
    database.has([(ids[0], "cats", 1.0)])
    reconciliation = database.reconciliation(tmp_path)
    assert (reconciliation.accepted, wrong(reconciliation)) == (1, (0, 0, 0, 0))


def test_the_clock_of_the_database_is_compared_with_the_local_one(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "time", SimpleNamespace(time=lambda: time.time() - 100))
    moment, ahead = reconcile.clock(database.store)
    assert abs(datetime.fromisoformat(moment).timestamp() - time.time()) < 30
    assert ahead == pytest.approx(100, abs=0.5)


def test_a_missing_database_is_a_harness_error(database: Database, tmp_path: Path) -> None:
    nobody = StoreProbe(f"postgresql://postgres@127.0.0.1:{servers.free_port()}/postgres", database.portal)
    with pytest.raises(ProbeError, match="Cannot read the database"):
        reconcile.reconcile(tmp_path, nobody, "2020-01-01", 0.0)


def test_a_full_disk_is_a_harness_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "CACHE_KIB", 8)
    written(tmp_path, (vote(number) for number in range(10_000)))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, limits[1]))
    try:
        with pytest.raises(HarnessError, match=r"Cannot sort the votes(.|\n)*is full"):
            list(reconcile.unanswered(tmp_path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_two_hundred_thousand_votes_need_little_more_memory_than_the_sorting_cache(database: Database, tmp_path: Path) -> None:
    ids = [UUID(int=number << 64 | 7) for number in range(MANY)]
    written(tmp_path, (same(one, number=number, at=number / 1000) for number, one in enumerate(ids)))
    database.has((one, "cats", number / 1000 + 0.02) for number, one in enumerate(ids))
    setup = "from tests.unit.load.test_reconcile import *"
    work = (
        "with start_blocking_portal() as portal:\n"
        "    reconciliation = Database(sys.argv[1], portal).reconciliation(Path(sys.argv[2]))\n"
        f"assert (reconciliation.accepted, wrong(reconciliation)) == ({MANY}, (0, 0, 0, 0)), reconciliation"
    )
    assert grown(setup, work, database.url, str(tmp_path)) < 48
