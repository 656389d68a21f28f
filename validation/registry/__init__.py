"""The registries: `checkpoints.toml` lists every checkpoint, `facts.toml` every fact that several layers state.

Start with `checkpoints.py`.
"""
