# mypy: allow-untyped-calls
# Locust is only partly typed.
"""Locust event listeners: command-line options, start and end of a run, and exit codes."""

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
from loadtests.run import Run
from loadtests.scenario import USER_RATE
from loadtests.users import TIMEOUT_SECONDS, Scheduled

FAILED_EXIT, USAGE_EXIT = 1, 2
PR_SET_PDEATHSIG = 1
"""Linux: set the signal that this process receives when its parent dies."""
logger = logging.getLogger("locust.votecheck")


def add_check(parser: LocustArgumentParser, check: Callable[[Any], str]) -> None:
    """Make the parser exit with a usage error if `check` returns an error message for its options.

    This happens before Locust forks: if Locust exits later, before the run starts, it leaves its processes behind.
    """
    parse = parser.parse_args

    def parse_args(*arguments: Any, **named: Any) -> Any:
        options = parse(*arguments, **named)
        if message := check(options):
            parser.error(message)
        return options

    parser.parse_args = parse_args


def add_arguments(parser: LocustArgumentParser, **_: Any) -> None:
    """Add the options of the load tests, and change two of Locust's defaults."""
    # The web interface binds to localhost by default: anyone who can open it can load any host it can reach.
    # A stopped user finishes its request first: the outcome of an interrupted vote would be unknown.
    # A shape sets the start and end of the schedule here, because Locust passes options on to every process.
    parser.set_defaults(web_host="127.0.0.1", stop_timeout=TIMEOUT_SECONDS, schedule=None)
    parser.add_argument(
        "--user-rate", type=gt_zero(float), default=USER_RATE, metavar="<float>",
        help=f"Requests per second of each user. Defaults to {USER_RATE:g}",
    )  # fmt: skip
    parser.add_argument(
        "--records", default="", metavar="<folder>", include_in_web_ui=False,
        help="Folder for a record of every request, which votecheck evaluates. Defaults to none: nothing is recorded",
    )  # fmt: skip
    add_check(parser, _check_host)
    add_check(parser, _use_private_port)


def _check_host(options: Any) -> str:
    if options.headless and not options.worker and not options.host:
        return "--host is missing. Pass the API's URL, for example --host http://127.0.0.1:8000"
    try:
        Connection(options.host or "http://nobody")
    except ValueError as error:
        return f"--host: {error}"
    return ""


def _use_private_port(options: Any) -> str:
    """Make local processes communicate over a free port, so that leftovers of an earlier run cannot join."""
    if options.processes and not options.worker and options.master_bind_host == "*":
        with socket.create_server(("127.0.0.1", 0)) as free:
            options.master_bind_host, options.master_bind_port = free.getsockname()
            options.master_port = options.master_bind_port
    return ""


def filter_users(environment: Environment, **_: Any) -> None:
    """Remove user classes that have no tasks with the selected tags; Locust would let them fail repeatedly."""
    options: Any = environment.parsed_options
    tags, without = set(options.tags or ()) or None, set(options.exclude_tags or ()) or None
    for user in list(environment.user_classes):
        filter_tasks_by_tags(user, tags, without)
        if not user.tasks:
            environment.user_classes.remove(user)
    if not environment.user_classes:
        sys.stderr.write("locust: error: no task has these tags. Valid tags: vote, results, impatient\n")
        raise SystemExit(USAGE_EXIT)


def end_with_parent(environment: Environment, **_: Any) -> None:
    """Ensure that no process outlives the run."""
    options: Any = environment.parsed_options
    # Until a shape ends, Locust does not handle SIGTERM: it would die and leave its workers, which keep sending for a minute.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if options.processes and isinstance(environment.runner, WorkerRunner):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Session:
    """The current run of this process, if any."""

    def __init__(self) -> None:
        self._run: Run | None = None

    def start(self, environment: Environment, **_: Any) -> None:
        """Start a run, except in the master, which has no users."""
        options: Any = environment.parsed_options
        if not isinstance(environment.runner, MasterRunner):
            start, end = options.schedule or (time.time(), math.inf)
            self._run = Scheduled.session = Run(options.user_rate, Path(options.records) if options.records else None, start, end)

    def stop(self, **_: Any) -> None:
        """Stop planning requests."""
        if self._run:
            self._run.stop()

    def end(self, **_: Any) -> None:
        """End the run after its users have stopped."""
        if self._run:
            self._run.end()


def fail_without_requests(environment: Environment, **_: Any) -> None:
    """Fail a headless run that sent no requests, which Locust considers a success."""
    options: Any = environment.parsed_options
    if options.headless and not isinstance(environment.runner, WorkerRunner) and not environment.stats.num_requests:
        logger.error("The run sent no requests.")
        environment.process_exit_code = environment.process_exit_code or FAILED_EXIT


def listen() -> None:
    """Register all listeners with Locust."""
    session = Session()
    # For every message to start users, a Locust worker builds the same parser a hundred times, which blocks all requests for 100 ms.
    argument_parser.default_args_dict = cache(argument_parser.default_args_dict)
    events.init_command_line_parser.add_listener(add_arguments)
    events.init.add_listener(filter_users)
    events.init.add_listener(end_with_parent)
    events.test_start.add_listener(session.start)
    events.test_stopping.add_listener(session.stop)
    events.test_stop.add_listener(session.end)
    events.quitting.add_listener(fail_without_requests)
