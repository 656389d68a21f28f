# mypy: allow-untyped-calls
# Locust is typed in part.
"""What Locust calls: our arguments, the begin and the end of a run, and exit codes that say what happened."""

import ctypes
import logging
import math
import signal
import socket
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from locust import argument_parser, events
from locust.argument_parser import LocustArgumentParser, gt_zero
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner
from locust.user.task import filter_tasks_by_tags

from loadtests.connection import Connection
from loadtests.running import Run
from loadtests.scenario import RATE_OF_A_USER
from loadtests.users import TIMEOUT_SECONDS, Scheduled

FAILED_EXIT, USAGE_EXIT = 1, 2
PR_SET_PDEATHSIG = 1
"""Linux: the signal that this process gets when its parent dies."""
logger = logging.getLogger("locust.votecheck")


def checked(parser: LocustArgumentParser, check: Callable[[Any], str]) -> None:
    """Have a parser refuse what a check of its options finds wrong, as wrong usage.

    This is before Locust forks: it forgets its processes when it ends later and early.
    """
    parse = parser.parse_args

    def parse_args(*told: Any, **more: Any) -> Any:
        options = parse(*told, **more)
        if wrong := check(options):
            parser.error(wrong)
        return options

    parser.parse_args = parse_args


def add_arguments(parser: LocustArgumentParser, **_: Any) -> None:
    """Add our arguments, and change two of Locust's defaults."""
    # Whoever sees the web interface can load whatever it can reach: it is for this machine, unless somebody says otherwise.
    # A user that is ended finishes its request first: nobody knows of a vote that is cut off.
    # The schedule is for a shape to set, its begin and its end: what options hold, Locust hands on to every process.
    parser.set_defaults(web_host="127.0.0.1", stop_timeout=TIMEOUT_SECONDS, schedule=None)
    parser.add_argument(
        "--rate-of-a-user", type=gt_zero(float), default=RATE_OF_A_USER, metavar="<float>",
        help=f"Requests a second of one user, each due at its own moment. Defaults to {RATE_OF_A_USER:g}",
    )  # fmt: skip
    parser.add_argument(
        "--records", default="", metavar="<folder>", include_in_web_ui=False,
        help="Folder in which every request is noted, for votecheck to judge. Defaults to none: nothing is noted",
    )  # fmt: skip
    checked(parser, _wrong_host)
    checked(parser, _stay_alone)


def _wrong_host(options: Any) -> str:
    if options.headless and not options.worker and not options.host:
        return "it is not said what to load. Next: --host http://127.0.0.1:8000"
    try:
        Connection(options.host or "http://nobody")
    except ValueError as error:
        return f"--host: {error}"
    return ""


def _stay_alone(options: Any) -> str:
    """Let processes of this machine meet at a port of their own, where nothing that an earlier run has left joins them."""
    if options.processes and not options.worker and options.master_bind_host == "*":
        with socket.create_server(("127.0.0.1", 0)) as free:
            options.master_bind_host, options.master_bind_port = free.getsockname()
            options.master_port = options.master_bind_port
    return ""


def filter_users(environment: Environment, **_: Any) -> None:
    """Leave out the user classes for which the tags leave nothing to do; Locust would let them fail again and again."""
    options: Any = environment.parsed_options
    tags, without = set(options.tags or ()) or None, set(options.exclude_tags or ()) or None
    for user in list(environment.user_classes):
        filter_tasks_by_tags(user, tags, without)
        if not user.tasks:
            environment.user_classes.remove(user)
    if not environment.user_classes:
        sys.stderr.write("locust: error: nothing has these tags; there are vote, results and impatient\n")
        raise SystemExit(USAGE_EXIT)


def mind_ends(environment: Environment, **_: Any) -> None:
    """Let nothing outlive its end."""
    options: Any = environment.parsed_options
    # Locust minds SIGTERM only once a shape is over, and would die of it and leave its processes, which send on for a minute.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if options.processes and isinstance(environment.runner, WorkerRunner):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Session:
    """The run that this process is in, if any."""

    def __init__(self) -> None:
        self._run: Run | None = None

    def begin(self, environment: Environment, **_: Any) -> None:
        """Begin a run, where users are."""
        options: Any = environment.parsed_options
        if not isinstance(environment.runner, MasterRunner):
            begin, end = options.schedule or (time.time(), math.inf)
            self._run = Scheduled.session = Run(options.rate_of_a_user, Path(options.records) if options.records else None, begin, end)

    def stop(self, **_: Any) -> None:
        """Plan no more requests."""
        if self._run:
            self._run.stopping()

    def end(self, **_: Any) -> None:
        """End the run, once its users are gone."""
        if self._run:
            self._run.end()


def judge(environment: Environment, **_: Any) -> None:
    """Let a headless run without a request fail, which Locust calls a success."""
    options: Any = environment.parsed_options
    if options.headless and not isinstance(environment.runner, WorkerRunner) and not environment.stats.num_requests:
        logger.error("Nothing was asked: not a single request was made.")
        environment.process_exit_code = environment.process_exit_code or FAILED_EXIT


def listen() -> None:
    """Have Locust call all of these."""
    session = Session()
    # At every message to start users Locust's worker makes the same parser a hundred times, and sends no request for 100 ms meanwhile.
    argument_parser.default_args_dict = cache(argument_parser.default_args_dict)
    events.init_command_line_parser.add_listener(add_arguments)
    events.init.add_listener(filter_users)
    events.init.add_listener(mind_ends)
    events.test_start.add_listener(session.begin)
    events.test_stopping.add_listener(session.stop)
    events.test_stop.add_listener(session.end)
    events.quitting.add_listener(judge)
