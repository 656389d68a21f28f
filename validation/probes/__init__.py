"""Probes read the chart, the images, the source and the running system. They return frozen data and never assert.

Targets, faults, the prober and the steps import them. Start with the package of the subject: `chart`, `images`, `source` or `running`.
"""
