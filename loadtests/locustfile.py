"""Load on the vote path, for Locust: `locust -f loadtests/locustfile.py --host http://127.0.0.1:8000` opens its web interface.

With `GEVENT_BACKEND=select` in the environment requests leave 0.1 ms after their moment, and otherwise up to 1 ms: epoll waits whole
milliseconds, and only the environment chooses, as the event loop is there before this file is.
"""

from loadtests import listeners
from loadtests.users import Impatient, Mixed, Voter, Watcher

__all__ = ("Impatient", "Mixed", "Voter", "Watcher")

listeners.listen()
