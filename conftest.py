"""Lists the plugin and the step modules; nothing else."""

pytest_plugins = [
    "validation.plugin",
    "features.steps.parts",
    "features.steps.api",
    "features.steps.votes",
    "features.steps.results",
    "features.steps.stream",
    "features.steps.consumer",
    "features.steps.variables",
    "features.steps.end_to_end",
    "features.steps.images",
    "features.steps.chart",
    "features.steps.heartbeat",
    "features.steps.crash_points",
    "features.steps.api_crash_points",
    "features.steps.clients",
    "features.steps.storm",
    "features.steps.two_consumers",
    "features.steps.operators",
    "features.steps.source",
    "features.steps.documents",
]
