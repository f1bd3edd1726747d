"""What is known and how it is found: sources, passages, encoders, vectors, the index."""

import os
import sys

# No process opens a connection that its owner did not ask for. Importing openvino would report to
# an analytics server and write a client id; None in its place makes it do without.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
for _name, _value in (
    ("HF_HUB_DISABLE_TELEMETRY", "1"),
    ("GRADIO_ANALYTICS_ENABLED", "False"),
    ("RAY_USAGE_STATS_ENABLED", "0"),
    ("DO_NOT_TRACK", "1"),
):
    os.environ.setdefault(_name, _value)
