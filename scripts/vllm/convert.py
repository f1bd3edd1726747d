"""`python -m scripts.vllm.convert FOLDER`: the embedded model's GGUF as safetensors.

Runs in vLLM's environment, which has torch and transformers; vLLM itself does not read this GGUF.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from index.weights import SMOLLM2


def main() -> None:
    """Convert into a folder beside, then move it into place."""
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    out = Path(sys.argv[1])
    gguf = SMOLLM2.verified()
    beside = out.with_name(f"{out.name}.{os.getpid()}")
    model = AutoModelForCausalLM.from_pretrained(
        gguf.parent,
        gguf_file=gguf.name,
        dtype="bfloat16",
        quantization_config=GgufConfig(dequantize=True),
    )
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.save_pretrained(beside)
    AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(beside)
    shutil.rmtree(out, ignore_errors=True)
    beside.rename(out)


if __name__ == "__main__":
    main()
