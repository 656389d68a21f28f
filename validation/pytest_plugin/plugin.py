"""The pytest plugin, split by concern. It turns pytest-bdd's hooks into recorded events and rejects every pass without an observation."""

pytest_plugins = (
    "validation.pytest_plugin.options",
    "validation.pytest_plugin.selection",
    "validation.pytest_plugin.fixtures",
    "validation.pytest_plugin.recording",
    "validation.pytest_plugin.crash_watch",
)
