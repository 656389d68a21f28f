"""Lists the plugin and the step modules; nothing else."""

pytest_plugins = [
    "validation.plugin",
    "features.steps.parts",
]
