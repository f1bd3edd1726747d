"""Tiny models with random weights, saved as the real ones are: plumbing, not quality."""

from __future__ import annotations

from pathlib import Path
from typing import Any

WORDS = (
    "[PAD] [UNK] [CLS] [SEP] [MASK] what why how is are the a an of in and to for query passage : "
    "? . attention beam search cache decoding gradient head keys loss model softmax token tokens "
    "values weights vector vectors"
).split()
SIZE = 32


def _config(**more: Any) -> dict[str, Any]:
    return {
        "vocab_size": len(WORDS), "hidden_size": SIZE, "num_hidden_layers": 2,
        "num_attention_heads": 4, "intermediate_size": 64, "max_position_embeddings": 64,
        "initializer_range": 0.5, **more,
    }  # fmt: skip


def _tokenizer() -> Any:
    from transformers import BertTokenizerFast

    return BertTokenizerFast(vocab={word: n for n, word in enumerate(WORDS)}, model_max_length=64)


def save_bert(folder: Path, *, seed: int = 0) -> Path:
    """A bare BERT with its tokenizer, as transformers saves it."""
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(seed)
    BertModel(BertConfig(**_config())).save_pretrained(folder)
    _tokenizer().save_pretrained(folder)
    return folder


def save_dpr(folder: Path, half: str, *, seed: int = 0, projection: int = 0) -> Path:
    """Half of a DPR pair; `half` is Question or Context."""
    import torch
    import transformers

    torch.manual_seed(seed)
    config = transformers.DPRConfig(**_config(projection_dim=projection))
    getattr(transformers, f"DPR{half}Encoder")(config).save_pretrained(folder)
    _tokenizer().save_pretrained(folder)
    return folder


def save_sentence_transformer(
    folder: Path,
    *,
    pooling: str = "mean",
    normalize: bool = True,
    similarity: str | None = None,
    prompts: dict[str, str] | None = None,
    include_prompt: bool = True,
    seed: int = 0,
) -> Path:
    """A sentence-transformers folder of a BERT."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules

    modules_ = _tower(folder, pooling, include_prompt=include_prompt, seed=seed)
    if normalize:
        modules_.append(modules.Normalize())
    model = SentenceTransformer(modules=modules_, prompts=prompts, similarity_fn_name=similarity)
    model.save(str(folder), create_model_card=False)
    return folder


def save_router(folder: Path) -> Path:
    """An asymmetric model: queries pool [CLS], documents the mean, with weights of their own."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules

    router = modules.Router.for_query_document(
        query_modules=_tower(folder, "cls", seed=1), document_modules=_tower(folder, "mean", seed=2)
    )
    layers = [router, modules.Normalize()]
    SentenceTransformer(modules=layers).save(str(folder), create_model_card=False)
    return folder


def save_cross_encoder(folder: Path, *, labels: int = 1, seed: int = 0) -> Path:
    """A cross-encoder, as sentence-transformers saves it."""
    import torch
    from sentence_transformers import CrossEncoder
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(seed)
    bare = folder.with_name(f"{folder.name}-bare")
    config = BertConfig(**_config(num_labels=labels))
    BertForSequenceClassification(config).save_pretrained(bare)
    _tokenizer().save_pretrained(bare)
    CrossEncoder(str(bare)).save_pretrained(str(folder), create_model_card=False)
    return folder


def _tower(folder: Path, pooling: str, *, include_prompt: bool = True, seed: int) -> list[Any]:
    from sentence_transformers.sentence_transformer import modules

    bare = save_bert(folder.with_name(f"{folder.name}-bare-{seed}"), seed=seed)
    return [
        modules.Transformer(str(bare)),
        modules.Pooling(SIZE, pooling_mode=pooling, include_prompt=include_prompt),
    ]
