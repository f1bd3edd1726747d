"""Every calculation by name, in the order in which they are listed."""

from __future__ import annotations

from index.calculations.catalogue.measuring import MEASURING
from index.calculations.catalogue.memory import MEMORY
from index.calculations.catalogue.serving import SERVING
from index.calculations.catalogue.training import TRAINING
from index.calculations.catalogue.training_memory import TRAINING_MEMORY
from index.calculations.registry import Calculation

__all__ = ["CALCULATIONS"]

CALCULATIONS: dict[str, Calculation] = {
    each.name: each for each in (*MEMORY, *TRAINING_MEMORY, *TRAINING, *SERVING, *MEASURING)
}
