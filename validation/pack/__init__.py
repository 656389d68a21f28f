"""Evidence packs: a run with all that supports its verdict, as one signed folder or archive that anyone can verify.

Start with `statement.py`, then `contents.py` and `verification.py`.
"""
