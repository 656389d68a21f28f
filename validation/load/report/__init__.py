"""The report of a load run: charts, page and text.

Start with `write.py`.
"""
