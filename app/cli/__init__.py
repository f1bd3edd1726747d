"""The terminal: one module a command of `python -m app`."""
