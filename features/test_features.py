"""Binds every scenario of the protocol and beyond to pytest."""

from pytest_bdd import scenarios

scenarios("protocol", "beyond")
