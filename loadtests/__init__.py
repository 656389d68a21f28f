"""Locust load tests of the vote path."""

LOCUST_ENVIRONMENT = {"GEVENT_BACKEND": "select"}
"""Environment for Locust. epoll waits in whole milliseconds, which sends requests half a millisecond late."""
