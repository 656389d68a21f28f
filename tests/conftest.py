"""Settings of every test: a slow machine never fails one by Hypothesis, and whoever runs them changes nothing."""

import os
import signal

from hypothesis import settings

from validation.core.environment import HARMLESS

settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

# nohup and a shell's background jobs ignore these, and so would every program that a test starts and interrupts.
for ignored, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(ignored) is signal.SIG_IGN:
        signal.signal(ignored, usual)

# tox sets PYTHONHASHSEED. With any such variable votecheck starts itself again, which would lose what a test did to its interpreter.
for name in [name for name in os.environ if name.startswith("PYTHON") and name not in HARMLESS]:
    del os.environ[name]
