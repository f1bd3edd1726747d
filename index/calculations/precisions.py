"""How many bits a number takes: floating point, integers with group scales, GGUF kinds.

Sources: the formats' own layouts, and for GGUF mixtures the table of bits a weight that
llama.cpp measures on Llama 3.1 8B (tools/quantize/README.md). A mixture's average differs a
little from model to model, since the embedding is kept at more bits: with Q4_K_M from 4.82 (70B)
to 4.89 (8B).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from index.calculations.units import CalculationError

__all__ = ["PRECISIONS", "Precision", "precision", "scaled_bits"]

_FORMATS = "the format's layout"
_GGUF = "llama.cpp's table of bits a weight, measured on Llama 3.1 8B"


@dataclass(frozen=True, slots=True)
class Precision:
    """A way to store a number: `bits` each, scales included; `peak` is the arithmetic it runs in.

    `note` says where the bits come from.
    """

    name: str
    bits: float
    peak: str = "bf16"
    note: str = ""

    @property
    def bytes(self) -> float:
        """Bytes a number."""
        return self.bits / 8


def scaled_bits(bits: float, group: int, scale_bits: float = 16, zero_bits: float = 0) -> float:
    """Bits a weight of a format whose groups share a scale and, if asymmetric, a zero point.

    b + (b_scale + b_zero) / g. GPTQ and AWQ with groups of 128: 4 + (16 + 4) / 128. NF4 with
    double quantization (Dettmers et al. 2023, section 3): 4 + 8/64 + 32/(64 · 256).

    >>> scaled_bits(4, 128, 16, 4), scaled_bits(4, 32, 16), scaled_bits(8, 32, 16)
    (4.15625, 4.5, 8.5)
    >>> round(scaled_bits(4, 64, 8 + 32 / 256), 3)
    4.127
    """
    return bits + (scale_bits + zero_bits) / group


def _all() -> dict[str, Precision]:
    rows = [
        Precision("fp64", 64, "fp32"),
        Precision("fp32", 32, "fp32"),
        Precision("tf32", 32, "tf32", "stored as fp32, multiplied as tf32"),
        Precision("bf16", 16, "bf16"),
        Precision("fp16", 16, "fp16"),
        Precision("fp8", 8, "fp8"),
        Precision("int8", 8, "int8"),
        Precision("int6", 6),
        Precision("int5", 5),
        Precision("int4", 4, "bf16", "scales not counted"),
        Precision("int3", 3),
        Precision("int2", 2),
        Precision("ternary", 1.58, "bf16", "log2(3) bits, as BitNet b1.58 counts"),
        Precision("fp4", 4, "fp4", "scales not counted"),
        Precision("mxfp4", scaled_bits(4, 32, 8), "fp4", "an 8-bit scale for 32 weights"),
        Precision("nvfp4", scaled_bits(4, 16, 8), "fp4", "an 8-bit scale for 16 weights"),
        Precision("nf4", scaled_bits(4, 64, 8 + 32 / 256), "bf16", "with double quantization"),
        Precision(
            "gptq-4bit", scaled_bits(4, 128, 16, 4), "bf16", "groups of 128, 16-bit scales, 4-bit "
            "zeros; embedding and head stay in 16 bits, which is not counted",
        ),
        Precision("awq", scaled_bits(4, 128, 16, 4), "bf16", "groups of 128, 16-bit scales, 4-bit "
                  "zeros; embedding and head stay in 16 bits, which is not counted"),
    ]  # fmt: skip
    blocks = {"q4_0": 4.5, "q4_1": 5.0, "q5_0": 5.5, "q5_1": 6.0, "q8_0": 8.5, "q4_k": 4.5,
              "q5_k": 5.5, "q3_k": 3.4375}  # fmt: skip
    rows += [Precision(name, bits, "bf16", _FORMATS) for name, bits in blocks.items()]
    measured = {
        "iq1_s": 2.0042, "iq1_m": 2.1460, "iq2_xxs": 2.3824, "iq2_xs": 2.5882, "iq2_s": 2.7403,
        "iq2_m": 2.9294, "iq3_xxs": 3.2548, "iq3_xs": 3.4977, "iq3_s": 3.6606, "iq3_m": 3.7628,
        "iq4_xs": 4.4597, "iq4_nl": 4.6818, "q2_k_s": 2.9697, "q2_k": 3.1593, "q3_k_s": 3.6429,
        "q3_k_m": 4.0, "q3_k_l": 4.2979, "q4_k_s": 4.6672, "q4_k_m": 4.8944, "q5_k_s": 5.5704,
        "q5_k_m": 5.7036, "q6_k": 6.5633,
    }  # fmt: skip
    rows += [Precision(name, bits, "bf16", _GGUF) for name, bits in measured.items()]
    return {row.name: row for row in rows}


PRECISIONS: dict[str, Precision] = _all()
_ALIASES = {
    "float32": "fp32", "f32": "fp32", "full": "fp32", "single": "fp32", "32bit": "fp32",
    "float16": "fp16", "f16": "fp16", "half": "fp16", "16bit": "bf16", "bfloat16": "bf16",
    "float8": "fp8", "e4m3": "fp8", "e5m2": "fp8", "f8": "fp8", "fp8_e4m3": "fp8",
    "fp8_e5m2": "fp8", "8bit": "int8", "w8a8": "int8", "6bit": "int6", "5bit": "int5",
    "4bit": "int4", "w4a16": "int4", "3bit": "int3", "2bit": "int2", "gptq": "gptq-4bit",
    "awq4bit": "awq", "q4": "int4", "q8": "int8", "q5": "int5", "q6": "int6", "q3": "int3",
    "q2": "int2", "1.58bit": "ternary", "bnb4bit": "nf4", "qlora": "nf4",
}  # fmt: skip


def precision(name: str) -> Precision:
    """Find a precision by its name, in any spelling: BF16, float16, 4-bit, Q4_K_M.

    >>> precision("Q4_K_M").bits, precision("4-bit").name, precision("bfloat16").bytes
    (4.8944, 'int4', 2.0)

    Raises:
        CalculationError: there is none of that name.
    """
    folded = name.strip().lower()
    found = PRECISIONS.get(folded)
    if found is None:
        plain = re.sub(r"bits$", "bit", re.sub(r"[\s_-]", "", folded))
        by_plain = {re.sub(r"[_-]", "", key): value for key, value in PRECISIONS.items()}
        found = by_plain.get(plain) or PRECISIONS.get(_ALIASES.get(plain, ""))
    if found is None:
        raise CalculationError(
            f"got the precision {name!r:.40}, expected one of {', '.join(PRECISIONS)}",
            field="precision",
        )
    return found
