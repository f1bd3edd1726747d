"""Calculations of decoding, positions, and how sure a benchmark is."""

from __future__ import annotations

import math

from index.calculations import decoding, measuring
from index.calculations.catalogue.shared import MODEL, size
from index.calculations.registry import Calculation, Input, Part, Result, Step, Values
from index.calculations.units import CalculationError, rounded

__all__ = ["MEASURING"]

CONFIDENCE = Input("confidence", "fraction", "level of confidence", 0.95, low=0.5, high=0.9999)


def _sampling(values: Values) -> Result:
    temperature, top_k = values.number("temperature"), values.whole("top_k")
    top_p, min_p = values.number("top_p"), values.number("min_p")
    if values.given("logits"):
        start = decoding.softmax(values.read["logits"])
    elif values.given("probabilities"):
        start = list(values.read["probabilities"])
        total = sum(start)
        if total <= 0:
            raise values.spec("probabilities")._refused(start, "a sum above 0")
        if abs(total - 1) > 0.02:
            values.assume(f"the probabilities add up to {rounded(total)}; taken relative to that")
        start = [p / total for p in start]
    else:
        raise values.missing("probabilities", "logits")
    kept = decoding.sampled(start, temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
    parts = tuple(Part(f"token {i}", p) for i, p in enumerate(kept, 1) if p > 0)
    shown_parts = ", ".join(f"{part.label} {rounded(part.value)}" for part in parts[:12])
    step = Step(f"tokens kept, of {len(start)}", "", len(parts), "count")
    values.cite("holtzman-2020")
    if min_p:
        values.cite("nguyen-2024")
    return Result("Tokens left to sample from", len(parts), "count", (step,), parts,
                  verdict=f"Probabilities: {shown_parts}")  # fmt: skip


def _perplexity(values: Values) -> Result:
    if values.given("bits_per_token"):
        bits = values.number("bits_per_token")
        step = Step("perplexity", f"2^{rounded(bits)}", 2.0**bits, "factor")
        nats = Step("loss", f"{rounded(bits)} × ln 2", bits * math.log(2), "nats")
        return Result("Perplexity", 2.0**bits, "count", (step,), others=(nats,))
    loss = values.number("loss")
    found = decoding.perplexity(loss)
    step = Step("perplexity", f"exp({rounded(loss)})", found, "factor")
    others = [Step("bits a token", f"{rounded(loss)} / ln 2", loss / math.log(2), "bits")]
    if values.given("tokens_per_byte"):
        each = values.number("tokens_per_byte")
        others.append(_bits(loss, each))
    return Result("Perplexity", found, "count", (step,), others=tuple(others))


def _bits(loss: float, tokens_per_byte: float) -> Step:
    return Step("bits a byte", f"{rounded(loss)} / ln 2 × {rounded(tokens_per_byte)}",
                decoding.bits_per_byte(loss, tokens_per_byte), "bits")  # fmt: skip


def _bits_per_byte(values: Values) -> Result:
    loss = values.number("loss") if values.given("loss") else math.log(values.number("perplexity"))
    if values.given("tokens_per_byte"):
        each = values.number("tokens_per_byte")
    elif values.given("bytes_per_token"):
        each = 1 / values.number("bytes_per_token")
    else:
        raise values.missing("tokens_per_byte", "bytes_per_token")
    step = _bits(loss, each)
    return Result("Bits a byte", step.value, "bits", (step,))


def _loss(values: Values) -> Result:
    given = values.number("perplexity")
    if given < 1:
        raise values.spec("perplexity")._refused(given, "at least 1")
    loss = math.log(given)
    step = Step("loss", f"ln {rounded(given)}", loss, "nats")
    return Result("Loss", loss, "nats", (step,),
                  others=(Step("bits a token", "", loss / math.log(2), "bits"),))  # fmt: skip


def _rope(values: Values) -> Result:
    model = values.model
    head = values.optional("head_size") or (model.shape.head_size if model else 0)
    if not head:
        raise values.missing("head_size", "model")
    if not values.given("base"):
        values.assume("base 10,000" + (" (the model's own may differ)" if model else ""))
    base, head = float(values.read.get("base", 10000.0)), round(head)
    longest = decoding.rope_wavelength(head // 2 - 1, head, base)
    steps = (
        Step("first pair", "2π", decoding.rope_wavelength(0, head, base), "tokens"),
        Step("last pair", f"2π × {rounded(base)}^({head - 2}/{head})", longest, "tokens"),
    )
    others = []
    if values.given("context"):
        context = values.number("context")
        turning = sum(decoding.rope_wavelength(i, head, base) <= context for i in range(head // 2))
        others.append(Step(f"pairs that turn once within {context:,.0f} tokens",
                           f"of {head // 2}", turning, "count"))  # fmt: skip
    return Result("Longest rotary wavelength", longest, "tokens", steps, others=tuple(others))


def _yarn(values: Values) -> Result:
    original, wanted = values.number("original"), values.optional("context")
    scale = values.optional("scale")
    if scale is None:
        if wanted is None:
            raise values.missing("context", "scale")
        scale = wanted / original
    head, base = values.whole("head_size"), values.number("base")
    low, high = decoding.yarn_bounds(head, base, original)
    steps = (Step("scale", f"{wanted:,.0f} / {original:,.0f}" if wanted else "", scale, "factor"),)
    others = (
        Step("attention factor", f"0.1 × ln {rounded(scale)} + 1",
             decoding.yarn_attention_factor(scale), "count"),
        Step("pairs left as they are, below", "β = 32", max(0.0, low), "count"),
        Step("pairs scaled in full, above", "α = 1", high, "count"),
    )  # fmt: skip
    verdict = "No scaling is needed" if scale <= 1 else ""
    return Result("YaRN scale", scale, "factor", steps, verdict=verdict, others=others)


def _reach(values: Values) -> Result:
    model = values.model
    window, layers = values.optional("window"), values.optional("layers")
    if model and model.shape.window:
        window = window or model.shape.window.size
        layers = layers or model.shape.layers
        if model.shape.window.global_:
            values.assume("some layers see everything, so that nothing is out of reach; this "
                          "counts the windows alone")  # fmt: skip
    if model:
        layers = layers or model.shape.layers
    if not window:
        raise values.missing("window", "model")
    if not layers:
        raise values.missing("layers", "model")
    reach = decoding.sliding_reach(window, layers)
    step = Step("reach", f"{window:,.0f} × {layers:,.0f} layers", reach, "tokens")
    values.assume("the theoretical reach, one window a layer; little of it is used in practice")
    return Result("Reach of sliding windows", reach, "tokens", (step,))


def _share(values: Values, right: str, share: str) -> tuple[float, float]:
    """Right answers and items, from a count or a share."""
    items = values.number("items")
    if values.given(right):
        count = values.number(right)
        if count > items:
            raise values.spec(right)._refused(count, f"at most the {rounded(items)} items")
        return count, items
    if not values.given(share):
        raise values.missing(right, share)
    return values.number(share) * items, items


def _wilson(values: Values) -> Result:
    right, items = _share(values, "right", "accuracy")
    low, high = measuring.wilson(right, items, values.number("confidence"))
    share = right / items
    steps: tuple[Step, ...] = (
        Step("share", f"{rounded(right)} / {rounded(items)}", share, "fraction"),
    )
    others = (Step("low end", "", low, "fraction"), Step("high end", "", high, "fraction"))
    steps += (Step("half the interval's width", "", (high - low) / 2, "fraction"),)
    level = rounded(100 * values.number("confidence"))
    between = f"{rounded(100 * low)} % and {rounded(100 * high)} %"
    verdict = f"Wilson's interval ({level} %): between {between}"
    return Result("Share answered right", share, "fraction", steps, verdict=verdict, others=others)


def _difference(values: Values) -> Result:
    confidence = values.number("confidence")
    items = values.number("items")
    if values.given("only_a") and values.given("only_b"):
        a, b = values.number("only_a"), values.number("only_b")
        if a + b > items:
            raise values.spec("only_a")._refused(a, f"at most {rounded(items)} with only_b")
        d, low, high = measuring.paired_difference(a, b, items, confidence)
        steps = (Step("difference", f"({rounded(a)} - {rounded(b)}) / {rounded(items)}", d,
                      "fraction"),)  # fmt: skip
    else:
        if not (values.given("accuracy_a") and values.given("accuracy_b")):
            raise values.missing("accuracy_a", "only_a")
        a, b = values.number("accuracy_a"), values.number("accuracy_b")
        d, low, high = measuring.difference(a * items, b * items, items, items, confidence)
        values.assume("the items of the two are taken as separate; on the same items the interval "
                      "is narrower: give only_a and only_b")  # fmt: skip
        steps = (Step("difference", f"{rounded(100 * a)} % - {rounded(100 * b)} %", d,
                      "fraction"),)  # fmt: skip
    clear = low > 0 or high < 0
    verdict = (f"Between {rounded(100 * low)} and {rounded(100 * high)} points: "
               + ("more than chance" if clear else "it may be chance"))  # fmt: skip
    others = (Step("low end", "", low, "fraction"), Step("high end", "", high, "fraction"))
    return Result("Difference", d, "fraction", steps, verdict=verdict, fits=clear, others=others)


def _items(values: Values) -> Result:
    confidence = values.number("confidence")
    if values.given("margin"):
        share, margin = values.number("accuracy"), values.number("margin")
        needed = measuring.items_for_margin(share, margin, confidence)
        step = Step("items", f"z² × {rounded(share)} × {rounded(1 - share)} / {rounded(margin)}²",
                    needed, "count")  # fmt: skip
        return Result("Items needed for that margin", needed, "count", (step,))
    if not values.given("difference"):
        raise values.missing("difference", "margin")
    wanted, power = values.number("difference"), values.number("power")
    apart = values.number("disagreement")
    if apart < wanted:
        raise CalculationError(
            f"disagreement is {rounded(apart)}, expected at least the difference {rounded(wanted)}",
            field="disagreement",
        )
    needed = measuring.items_for_difference(wanted, apart, confidence, power)
    step = Step("items", "(z_α/2 √q + z_β √(q - d²))² / d²", needed, "count")
    return Result("Items needed to find that difference", needed, "count", (step,))


def _overlap(values: Values) -> Result:
    found = measuring.overlaps(values.text("text"), values.text("reference"))
    others = tuple(Step(name, "", value, "fraction") for name, value in found.items()
                   if name != "F1")  # fmt: skip
    lacking = [
        f"{score} is not worked out: it needs the package {package}"
        for score, package in (("ROUGE-1", "rouge-score"), ("BLEU", "sacrebleu"))
        if score not in found
    ]
    for told in lacking:
        values.assume(told)
    if "ROUGE-1" in found:
        values.cite("lin-2004")
    return Result("F1 of the words", found["F1"], "fraction", others=others)


def _number(name: str, meaning: str, high: float = 1e12) -> Input:
    return Input(name, "count", meaning, low=0, high=high)


def _fraction(name: str, meaning: str, default: float | None = None) -> Input:
    return Input(name, "fraction", meaning, default, low=0, high=1)


_HEAD = size("head_size", "dimensions of a head", high=100_000)
MEASURING = (
    Calculation(
        "sampling", "What is left to sample from",
        "temperature, then top-k, top-p, min-p, each on the renormalized rest", "count",
        (Input("probabilities", "numbers", "the tokens' probabilities", low=0, high=1e9),
         Input("logits", "numbers", "the tokens' logits instead", low=-1e6, high=1e6),
         Input("temperature", "count", "1 changes nothing, 0 is greedy", 1.0, low=0, high=100),
         Input("top_k", "count", "0 is off", 0, low=0, high=1e6, whole=True),
         Input("top_p", "fraction", "1 is off", 1.0, low=0, high=1),
         Input("min_p", "fraction", "0 is off", 0.0, low=0, high=1)),
        _sampling,
    ),
    Calculation(
        "perplexity", "Perplexity from a loss", "exp(loss), the loss in nats a token", "count",
        (Input("loss", "nats", "cross-entropy, nats a token", low=0, high=700),
         Input("bits_per_token", "bits", "bits a token, instead of nats", low=0, high=1000),
         Input("tokens_per_byte", "count", "tokens of a byte of text", low=1e-6, high=10)),
        _perplexity, ("gao-2020",),
    ),
    Calculation(
        "loss", "Loss from a perplexity", "ln(perplexity)", "nats",
        (_number("perplexity", "of the tokens", 1e300),), _loss, ("gao-2020",),
    ),
    Calculation(
        "bits-per-byte", "Bits a byte from a loss", "loss / ln 2 × tokens / bytes", "bits",
        (Input("loss", "nats", "cross-entropy, nats a token", low=0, high=700),
         Input("perplexity", "count", "instead of the loss", low=1, high=1e300),
         Input("tokens_per_byte", "count", "tokens of a byte of text", low=1e-6, high=10),
         Input("bytes_per_token", "count", "bytes of a token instead", low=0.1, high=1e6)),
        _bits_per_byte, ("gao-2020",),
    ),
    Calculation(
        "rope-wavelengths", "Wavelengths of rotary positions", "2π · base^(2i/d)", "tokens",
        (MODEL, _HEAD, Input("base", "count", "the frequencies' base (θ)", low=2, high=1e12),
         Input("context", "tokens", "tokens in the context", low=1, high=1e10)),
        _rope, ("su-2021",),
    ),
    Calculation(
        "yarn", "YaRN's factors for a longer context",
        "s = context / original; √(1/t) = 0.1 ln s + 1; pairs between α = 1 and β = 32 turns blend",
        "factor",
        (Input("original", "tokens", "the context that it was trained with", low=64, high=1e10),
         Input("context", "tokens", "the context wanted", low=1, high=1e10),
         Input("scale", "factor", "instead of the context", low=0.01, high=1e6),
         Input("head_size", "count", "dimensions of a head", 128, low=2, high=100_000, whole=True),
         Input("base", "count", "the frequencies' base (θ)", 10000.0, low=2, high=1e12)),
        _yarn, ("peng-2023",),
    ),
    Calculation(
        "sliding-reach", "How far sliding windows reach", "window × layers", "tokens",
        (MODEL, Input("window", "tokens", "tokens that a layer sees", low=1, high=1e10),
         size("layers", "layers with the window", high=100_000)),
        _reach, ("jiang-2023",),
    ),
    Calculation(
        "wilson-interval", "How sure a benchmark's share is (Wilson)",
        "(p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n)", "fraction",
        (_number("items", "items in the benchmark"), _number("right", "items answered right"),
         _fraction("accuracy", "share answered right"), CONFIDENCE),
        _wilson, ("wilson-1927",),
    ),
    Calculation(
        "score-difference", "Whether two systems differ by more than chance",
        "paired: d = (b - c) / n, variance ((b + c) - (b - c)²/n) / n²", "fraction",
        (_number("items", "items in the benchmark"),
         size("only_a", "items that only the first got right", low=0, high=1e12),
         size("only_b", "items that only the second got right", low=0, high=1e12),
         _fraction("accuracy_a", "the first's share"),
         _fraction("accuracy_b", "the second's share"),
         CONFIDENCE),
        _difference, ("miller-2024",),
    ),
    Calculation(
        "items-needed", "How many items a benchmark needs",
        "z² p (1 - p) / e² for a margin; Connor's for a difference of two systems", "count",
        (_fraction("margin", "margin of error, either side"),
         _fraction("accuracy", "the share expected", 0.5),
         _fraction("difference", "the difference to be found"),
         _fraction("disagreement", "share of the items on which the two disagree", 0.2),
         CONFIDENCE, Input("power", "fraction", "chance of finding it", 0.8, low=0.05, high=0.999)),
        _items, ("miller-2024", "connor-1987"),
    ),
    Calculation(
        "text-overlap", "How alike two texts are: F1, ROUGE, BLEU",
        "2PR / (P + R) over words, normalized as SQuAD does", "fraction",
        (Input("text", "text", "the text"), Input("reference", "text", "what it is held against")),
        _overlap, ("rajpurkar-2016",),
    ),
)  # fmt: skip
