"""Locust load test of the vote path: `locust -f loadtests/locustfile.py --host http://127.0.0.1:8000` starts the web interface.

Set `GEVENT_BACKEND=select` in the environment: requests are then sent 0.1 ms after they are due, otherwise up to 1 ms, because epoll
waits in whole milliseconds. Only the environment can select the backend, because the event loop exists before this file is loaded.
"""

from loadtests import listeners
from loadtests.users import Impatient, Mixed, Voter, Watcher

__all__ = ("Impatient", "Mixed", "Voter", "Watcher")

listeners.listen()
