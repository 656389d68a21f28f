"""Load on the vote path, with Locust."""

ON_TIME = {"GEVENT_BACKEND": "select"}
"""The environment of Locust. With epoll, which waits whole milliseconds, a request leaves half a millisecond late."""
