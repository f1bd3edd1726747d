"""What the planner says."""

from __future__ import annotations

from typing import Final

from app.ui.speaking import speaks

TAB: Final = "Planner"
LEAD: Final = "What does it take to run a model? Choose, and everything below is worked out anew."
FIELDS: Final = {
    "model": ("Model", "a public model, such as Llama 3.1 8B"),
    "precision": ("Weights in", "as released if empty"),
    "tokens": ("Context", "tokens of one sequence, such as 8k"),
    "sequences": ("Users at once", "sequences in one batch"),
    "cache_precision": ("KV cache in", "16 bits if empty"),
    "gpu": ("Machine", "a GPU or processor, such as RTX 4090"),
    "gpus": ("How many", "of these machines"),
    "price": ("Price an hour", "dollars for one machine; may be empty"),
}
START: Final = {
    "model": "Llama 3.1 8B", "precision": "bf16", "tokens": "8k", "sequences": "1",
    "cache_precision": "bf16", "gpu": "NVIDIA GeForce RTX 4090", "gpus": "1", "price": "",
}  # fmt: skip
NAMES: Final = {
    "concurrent-sequences": "Users at once, at most",
    "context-that-fits": "Longest context that fits",
    "decode-speed": "Generation, at most",
    "prefill-time": "Time to read the prompt",
    "cost-per-million": "A million tokens",
}
NOTHING: Final = "–"
LACKING: Final = "fill in: {field}"
PARTS: Final = {"weights": "Weights", "KV cache": "KV cache", "buffers": "Buffers"}
FREE: Final = "Free"
TABLE: Final = "As a table"
DEFAULT: Final = "{value} if empty"
OF: Final = "{needed} are needed, {room} may be used."
NEEDS: Final = "{needed} in all. Name a machine to see whether it fits."
BY_LENGTH: Final = "Memory by length of context"
LIMIT: Final = "{room} may be used"
WITHIN: Final = "fits"
BEYOND: Final = "does not fit"
ASSUMED: Final = "Assumed: {assumptions}."
SUM: Final = "The sums"
LINK: Final = "Link to this plan"
LINK_ANY: Final = "Link to this calculation"
ANY: Final = "Every calculation"
ANY_LEAD: Final = "One formula at a time. An input left empty takes its default."
CHOOSE: Final = "Calculation"
CHANGE: Final = "All its inputs in the planner"
ROW: Final = ("Context", "Weights", "KV cache", "In all", "Verdict")

speaks(__name__)
