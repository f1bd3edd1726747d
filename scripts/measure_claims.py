"""What becomes of true and false sentences: `python -m scripts.measure_claims`.

Each restatement of a passage is verified as a model's sentence that cites it would be. It is shown
as written, replaced by the passage's own sentences, or dropped. By default these are the training
material's restatements of the topics that are set aside; `--pairs` names a JSONL file of others,
each with `ref` or `passage`, `claim` and `label`, and `distance` or `kind`.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.config.settings import load_settings
from app.record.evidence import Evidence
from app.verifying.reading import ReadingVerifier
from app.verifying.supports import LexicalVerifier, Verdict
from index.cli import Parser, print_json, run
from index.store import load
from index.types import Hit, Passage, PassageKind
from scripts.training.claims_data import restatements, shipped_passages

__all__ = ["PairVerdict", "SentencePair", "held_out", "measure", "read_pairs", "table"]


@dataclass(frozen=True, slots=True)
class SentencePair:
    """A sentence beside a passage; `kind` is its distance from it, `change` what makes it false."""

    sentence: str
    passage: Passage
    true: bool
    kind: str
    change: str = ""


@dataclass(frozen=True, slots=True)
class PairVerdict:
    """What a verifier did with a pair, and the seconds that it took."""

    pair: SentencePair
    verdict: Verdict
    seconds: float

    @property
    def outcome(self) -> str:
        """`shown`, `replaced` or `dropped`."""
        if self.verdict.status == "supported":
            return "shown"
        return "replaced" if self.verdict.instead else "dropped"

    @property
    def instead(self) -> str:
        """The passage's words that stand for the sentence."""
        text = self.pair.passage.text
        return " ".join(text[s.start : s.end] for s in self.verdict.instead)


def held_out(passages: Mapping[str, Passage]) -> list[SentencePair]:
    """Return the restatements of the topics that nothing is trained on."""
    return [
        SentencePair(r["claim"], passages[ref], r["label"] == "supported", r["distance"],
             r.get("change", ""))
        for ref, records in restatements(test=True).items()
        for r in records
    ]  # fmt: skip


def read_pairs(path: Path, passages: Mapping[str, Passage]) -> list[SentencePair]:
    """Read pairs from a file; a passage that it spells out stands as it is spelled there."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        known = passages.get(row.get("ref", ""))
        text = row.get("passage") or (known.text if known else "")
        if known is None or text not in (known.text, ""):
            heading = known.heading if known else row.get("question", "")
            sources = known.sources if known else ()
            topic = known.title if known else ""
            known = Passage("t/faq/0", PassageKind.FAQ, "t", topic, heading, text, sources)
        true = row["label"] == "supported"
        kind = row.get("distance") or row.get("kind", "")
        found.append(SentencePair(row["claim"], known, true, kind, row.get("change", "")))
    return found


def measure(
    pairs: Iterable[SentencePair], verify: Callable[[SentencePair], Verdict]
) -> list[PairVerdict]:
    """Verify each pair."""
    found = []
    for pair in pairs:
        began = time.perf_counter()
        verdict = verify(pair)
        found.append(PairVerdict(pair, verdict, time.perf_counter() - began))
    return found


def table(found: Sequence[PairVerdict]) -> str:
    """Return the shares by distance and by what was changed, as Markdown."""
    rows = ["| sentences | n | shown | replaced | dropped |", "|---|---|---|---|---|"]
    groups: dict[str, list[PairVerdict]] = {}
    for each in found:
        truth = "true" if each.pair.true else "false"
        groups.setdefault(f"{truth}, {each.pair.kind}", []).append(each)
        if each.pair.change:
            groups.setdefault(f"false by {each.pair.change}", []).append(each)
        groups.setdefault(f"all {truth}", []).append(each)
    for name, group in sorted(groups.items(), key=lambda g: (not g[0].startswith("all"), g[0])):
        shares = (
            f"{sum(f.outcome == outcome for f in group) / len(group):.3f}"
            for outcome in ("shown", "replaced", "dropped")
        )
        rows.append(f"| {name} | {len(group)} | {' | '.join(shares)} |")
    return "\n".join(rows)


def _objections(found: Sequence[PairVerdict]) -> dict[str, int]:
    """Count why true sentences were not shown as written."""
    counts: dict[str, int] = {}
    for each in found:
        if each.pair.true and each.outcome != "shown" and each.verdict.objection:
            key = f"{each.outcome}: {each.verdict.objection.reason.value}"
            counts[key] = counts.get(key, 0) + 1
    return dict(sorted(counts.items(), key=lambda c: -c[1]))


def _row(each: PairVerdict) -> dict[str, object]:
    return {
        "ref": each.pair.passage.id, "claim": each.pair.sentence, "true": each.pair.true,
        "kind": each.pair.kind, "change": each.pair.change, "outcome": each.outcome,
        "why": str(each.verdict.objection or ""), "score": round(each.verdict.score, 4),
        "instead": each.instead,
    }  # fmt: skip


def main() -> int:
    """Measure and print."""
    parser = Parser(prog="python -m scripts.measure_claims", description=__doc__)
    parser.add_argument("--pairs", type=Path, help="a JSONL file of pairs")
    parser.add_argument("--index", type=Path, help="whose words are weighed (as in settings)")
    parser.add_argument("--words", action="store_true", help="without the judge")
    parser.add_argument("--json", action="store_true", help="print every pair, a JSON object each")
    options = parser.parse_args()
    passages = shipped_passages()
    pairs = read_pairs(options.pairs, passages) if options.pairs else held_out(passages)
    words = LexicalVerifier(load(load_settings(index=options.index).index).lexical.idf)
    verifier = words if options.words else ReadingVerifier(words)
    found = measure(
        pairs, lambda p: verifier.verify(p.sentence, [1], [Evidence(1, Hit(p.passage, 1.0))])
    )
    if options.json:
        for each in found:
            print_json(_row(each))
        return 0
    milliseconds = sorted(1000 * each.seconds for each in found)
    print(table(found))
    print(f"\nmedian {milliseconds[len(found) // 2]:.1f} ms, "
          f"95% {milliseconds[int(0.95 * len(found))]:.1f} ms a sentence")  # fmt: skip
    for reason, n in _objections(found).items():
        print(f"true ones not shown, {reason}: {n}")
    return 0


if __name__ == "__main__":
    sys.exit(run("python -m scripts.measure_claims", main))
