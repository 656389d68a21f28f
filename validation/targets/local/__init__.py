"""The local target: every part is a child process that listens on 127.0.0.1.

Start with `target.py`.
"""
