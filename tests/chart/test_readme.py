"""The README's table of values is the values file."""

from tests.chart.values_table import CHART, README, readme, rows
from validation.probes.chart.values import leaves, merged


def test_the_table_is_made_from_the_values_file() -> None:
    assert README.read_text() == readme(), "renew it: python -m tests.chart.values_table"


def test_every_value_has_its_row() -> None:
    values = {".".join(key) for key, _ in leaves(merged(CHART))}
    without = {value for value in values if not any(value == path or value.startswith(f"{path}.") for path in rows())}
    assert without == set()
