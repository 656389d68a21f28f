"""A model beside the system: random steps on the real parts, and every answer compared with what the model says.

`state.py` is the model, `clients.py` and `parts.py` are the real system, `machine.py` draws the steps. Start with `run.py`.
"""
