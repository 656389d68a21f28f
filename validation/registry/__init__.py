"""The registries: `checkpoints.toml` lists every checkpoint, `facts.toml` every fact that several layers state.

Every package but `core` may import it. Start with `checkpoints.py`.
"""
