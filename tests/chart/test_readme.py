"""The values table in the chart's README matches values.yaml."""

from tests.chart.values_table import CHART, README, readme, rows
from validation.probes.chart.values import leaves, merged


def test_the_table_is_generated_from_the_values_file() -> None:
    assert README.read_text() == readme(), "regenerate it: python -m tests.chart.values_table"


def test_every_value_has_a_row() -> None:
    values = {".".join(key) for key, _ in leaves(merged(CHART))}
    missing = {value for value in values if not any(value == path or value.startswith(f"{path}.") for path in rows())}
    assert missing == set()
