"""Fine-tune the embedded model to write from its evidence: `python -m scripts.train_writer`.

A trial that the product does not use; docs/results.md tells what came of it. Examples are the
product's own short prompts, with two or three passages and a persona, and the sentences that
composing takes from the one passage that answers, word for word and with its number. The others are
what the search finds beside it, and it stands before, between or after them. LoRA (Hu et al. 2021)
on the upper third of SmolLM2's layers; what the lower ones make of an example is worked out once.
Only topics that train are taken (`scripts.training.data.part_of`). One thread. `--out` then holds
the adapter, the model whole for the engine `transformers`, and `cases.jsonl`: the suites' questions
in other words over the topics that test.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from app.answer.compose import compose
from app.answer.prompt_builder import build_prompt
from app.chat_models.transformers_local import TransformersChatModel
from app.config.personas import Persona, shipped
from app.config.settings import load_settings
from app.record.evidence import Evidence, Idf
from app.record.types import Message, Question
from app.service import open_pipeline
from index.cli import Parser, run, say
from index.sources import SHIPPED, read_all
from index.types import Hit
from index.weights import SMOLLM2
from scripts.dev_cases import SUITES
from scripts.training.data import cases_of, is_test, part_of

_UPPER = 10  # of 30 layers
_RANK, _SCALE = 16, 2.0
_RATE, _EPOCHS, _AT_ONCE = 4e-4, 3, 8
_PROMPT_TOKENS, _ANSWER_TOKENS, _ANSWER_WORDS = 520, 200, 70
_SEED = 7
_FEWER_OF_OTHERS = 0.7  # data points and practice are asked for in as many ways as FAQs
_PLACES = (0.6, 0.25, 0.15)  # how often the passage that answers is first, second, third
_ADAPTED = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True, slots=True)
class Example:
    """A prompt and the answer to it, as tokens."""

    prompt: list[int]
    answer: list[int]


class LowRank(nn.Module):
    """A frozen linear layer and what is learned beside it: in and out as the layer's."""

    def __init__(self, inner: nn.Linear) -> None:
        super().__init__()
        self.inner = inner
        self.down = nn.Parameter(torch.randn(_RANK, inner.in_features) / inner.in_features**0.5)
        self.up = nn.Parameter(torch.zeros(inner.out_features, _RANK))

    def forward(self, states: Tensor) -> Tensor:
        """Add the change to what the layer gives."""
        down, up = self.down.to(states.dtype), self.up.to(states.dtype)
        change: Tensor = (states @ down.T) @ up.T
        whole: Tensor = self.inner(states) + _SCALE * change
        return whole

    def merged(self) -> nn.Linear:
        """The layer with the change in its weights."""
        with torch.no_grad():
            change = _SCALE * self.up @ self.down
            self.inner.weight += change.to(self.inner.weight.dtype)
        return self.inner


async def examples(count: int, tokenizer: Any) -> list[Example]:  # noqa: ANN401
    """Write prompts and answers for questions of the training topics, each under some persona."""
    pipeline = open_pipeline(load_settings(answer_mode="compose"))
    counting = TransformersChatModel(None)
    await counting.load()
    topics = read_all([f"ai={SHIPPED}"]).knowledge_base
    asked = cases_of(topics, [t.slug for t in topics.topics if part_of(t.slug) == "train"])
    rng, made = random.Random(_SEED), list[Example]()
    rng.shuffle(asked)
    by_id = {passage.id: passage for passage in pipeline.index.passages}
    idf = pipeline.index.lexical.idf
    for case in asked:
        if "/faq/" not in case.gold[0] and rng.random() < _FEWER_OF_OTHERS:
            continue
        persona = rng.choice(list(shipped().values()))
        question = Question(case.question)
        found = await pipeline.retrieve(question)
        others = [hit for hit in found.hits if hit.passage.id not in case.gold][:2]
        hits = list(others)
        place = rng.choices(range(3), _PLACES)[0]
        hits.insert(min(place, len(hits)), Hit(by_id[case.gold[0]], 1.0))
        evidence = [Evidence(n, hit) for n, hit in enumerate(hits, 1)]
        own = next(item for item in evidence if item.passage.id == case.gold[0])
        answer = _answer(question, own, persona, idf)
        messages = await _messages(question, persona, evidence, own, counting)
        if answer and messages:
            made.append(_as_tokens(messages, answer, tokenizer))
        if len(made) >= count:
            break
    await pipeline.model.close()
    return made


def _answer(question: Question, own: Evidence, persona: Persona, idf: Idf) -> str:
    """The sentences that answer, with their passage's number; "" where they are too many words."""
    chosen = compose(question.text, [own], idf, shape=persona.shape, most=3)
    answer = "".join(f"{one.lead}{one.text} [{one.n}]" for one in chosen).strip()
    return answer if len(answer.split()) <= _ANSWER_WORDS else ""


async def _messages(
    question: Question,
    persona: Persona,
    evidence: Sequence[Evidence],
    own: Evidence,
    counting: TransformersChatModel,
) -> Sequence[Message]:
    """The prompt that is short enough; none where there would be nothing to choose from."""
    others = [item for item in evidence if item is not own]
    while others:
        kept = [item for item in evidence if item is own or item in others]
        prompt = await build_prompt(question, persona, kept, counting, _ANSWER_TOKENS)
        if prompt.tokens <= _PROMPT_TOKENS:
            return prompt.messages
        others.pop()
    return ()


def _as_tokens(messages: Sequence[Message], answer: str, tokenizer: Any) -> Example:  # noqa: ANN401
    asked = [{"role": one.role, "content": one.content} for one in messages]
    prompt = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_dict=True)
    ended = tokenizer.encode(answer + tokenizer.eos_token, add_special_tokens=False)
    return Example(list(prompt["input_ids"]), ended)


def lower_states(model: Any, made: Sequence[Example], kept: Path) -> list[Tensor]:  # noqa: ANN401
    """Work out the states below the upper layers, (tokens, width) each in bfloat16, once."""
    if kept.is_file():
        found: list[Tensor] = torch.load(kept, mmap=True)
        return found
    layers = model.model.layers
    model.model.layers = layers[:-_UPPER]
    norm, model.model.norm = model.model.norm, nn.Identity()
    states = []
    with torch.inference_mode():
        for one in made:
            ids = torch.tensor([one.prompt + one.answer])
            states.append(model.model(ids, use_cache=False).last_hidden_state[0].clone())
    model.model.layers, model.model.norm = layers, norm
    torch.save(states, kept)
    return states


def fit(model: Any, made: Sequence[Example], states: Sequence[Tensor]) -> list[LowRank]:  # noqa: ANN401
    """Learn the changes of the upper layers from the answers' tokens alone."""
    layers, upper = model.model.layers, model.model.layers[-_UPPER:]
    model.requires_grad_(requires_grad=False)
    changed = []
    for layer in upper:
        for part in (layer.self_attn, layer.mlp):
            for name in _ADAPTED:
                if hasattr(part, name):
                    changed.append(LowRank(getattr(part, name)))
                    setattr(part, name, changed[-1])
    model.model.layers = upper
    learned = [p for one in changed for p in (one.down, one.up)]
    steps = _EPOCHS * len(made) // _AT_ONCE
    optimizer = torch.optim.AdamW(learned, lr=_RATE, weight_decay=0.01)
    pace = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=steps + 1)
    rng, seen, total = random.Random(_SEED), 0, 0.0
    for _ in range(_EPOCHS):
        order = list(range(len(made)))
        rng.shuffle(order)
        for n in order:
            answer = torch.tensor(made[n].answer)
            embedded = states[n].clone()[None]
            out = model.model(inputs_embeds=embedded, use_cache=False).last_hidden_state[0]
            logits = model.lm_head(out[-len(answer) - 1 : -1]).float()
            loss = nn.functional.cross_entropy(logits, answer)
            (loss / _AT_ONCE).backward()  # type: ignore[no-untyped-call]
            seen, total = seen + 1, total + float(loss.detach())
            if seen % _AT_ONCE == 0:
                optimizer.step()
                pace.step()
                optimizer.zero_grad()
            if seen % 80 == 0:
                say(f"{seen} of {_EPOCHS * len(made)}, loss {total / 80:.3f}, "
                    f"{time.process_time():.0f} s of processor time")  # fmt: skip
                total = 0.0
    model.model.layers = layers
    return changed


def _opened() -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    gguf = SMOLLM2.verified()
    model = AutoModelForCausalLM.from_pretrained(
        gguf.parent, gguf_file=gguf.name, dtype="bfloat16",
        quantization_config=GgufConfig(dequantize=True),
    ).eval()  # fmt: skip
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    return model, AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)


def _keep(model: Any, tokenizer: Any, changed: Sequence[LowRank], out: Path) -> None:  # noqa: ANN401
    names = {id(module): name for name, module in model.named_modules()}
    save_file(
        {
            f"{names[id(one)]}.{side}": getattr(one, side).detach().half().contiguous()
            for one in changed
            for side in ("down", "up")
        },
        out / "adapter.safetensors",
    )
    for module in list(model.modules()):
        for part, inner in list(module.named_children()):
            if isinstance(inner, LowRank):
                setattr(module, part, inner.merged())
    model.save_pretrained(out / "model")
    tokenizer.save_pretrained(out / "model")


def _cases() -> Iterator[str]:
    """The suites' questions in other words over topics that nothing here is trained on."""
    for line in (SUITES / "paraphrase.jsonl").read_text(encoding="utf-8").splitlines():
        if is_test(json.loads(line)["topic"]):
            yield line


def main() -> int:
    """Make examples, learn, keep."""
    parser = Parser(prog="python -m scripts.train_writer", description=__doc__)
    parser.add_argument("--examples", type=int, default=400, help="(400)")
    parser.add_argument("--out", type=Path, default=Path("var/writer"), help="(var/writer)")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    torch.manual_seed(_SEED)
    cases = "\n".join(_cases())
    (options.out / "cases.jsonl").write_text(f"{cases}\n", encoding="utf-8")
    model, tokenizer = _opened()
    made = asyncio.run(examples(options.examples, tokenizer))
    say(f"{len(made)} examples, {time.process_time():.0f} s of processor time")
    states = lower_states(model, made, options.out / "states.pt")
    say(f"lower layers, {time.process_time():.0f} s of processor time")
    changed = fit(model, made, states)
    _keep(model, tokenizer, changed, options.out)
    say(f"kept in {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(run("python -m scripts.train_writer", main))
