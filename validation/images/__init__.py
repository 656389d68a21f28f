"""The two container images: their names, their sources, the engine that builds them and its store.

It imports only `core`; probes, targets and the command line import it. Start with `build.py`.
"""
