"""One answer as data: its types, events, citations, evidence, errors, and what may be shown."""
