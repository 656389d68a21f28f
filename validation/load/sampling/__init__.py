"""What the parts of the system use while they are under load: processor time, memory, queue length.

Start with `sampler.py`.
"""
