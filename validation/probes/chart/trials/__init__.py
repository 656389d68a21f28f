"""Trials of the chart with many values: look-alikes of numbers and dates, and all pairs of values."""
