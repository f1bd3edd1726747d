"""How far verifiers and judges agree with the hand-labelled claims."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from app.record.evidence import Evidence
from app.verifying.supports import LexicalVerifier
from eval.cases import Nugget
from eval.claims import LABELS, LabelledClaim, passage_of
from eval.judge import ChatJudge
from eval.judging import bounded
from eval.metrics.agreement import confusion, kappa, precision_counts, recall_counts
from eval.metrics.citations import supports
from eval.metrics.nuggets import says
from eval.statistics import cluster_bootstrap_of, wilson
from index.types import Hit, Passage

__all__ = ["Agreement", "Share", "agreement", "judge_labels", "markdown", "matcher_labels",
           "product_labels", "verifier_labels"]  # fmt: skip

Said = Mapping[str, str | None]
Tell = Callable[[int, int], None]
_NUGGET_LABELS = {"support": "supported", "partial_support": "partial",
                  "not_support": "unsupported"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `n` with Wilson's interval at 95%; `value` is None of nothing."""

    hits: int
    n: int
    value: float | None
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """One verifier against the labels.

    `kappa` is over supported against the rest, which is what every score here is made of, with
    its interval (topics resampled); `kappa_three` is over the three labels, None for a verifier
    that knows only two. `precision` and `recall` are those of "supported": a false "supported"
    costs trust, a missed one costs answers. `by_kind` is the share of pairs of each kind that
    were put on the right side. `wrong` names the pairs to read.
    """

    name: str
    n: int
    unscored: int
    accuracy: Share
    kappa: float | None
    kappa_low: float | None
    kappa_high: float | None
    kappa_three: float | None
    precision: Share
    recall: Share
    confusion: Mapping[str, Mapping[str, int]]
    by_kind: Mapping[str, Share]
    wrong: Sequence[str]

    def as_dict(self) -> dict[str, Any]:
        """Return JSON-ready dicts and lists."""
        return asdict(self)


def verifier_labels(claims: Sequence[LabelledClaim], passages: Mapping[str, Passage]) -> Said:
    """Ask the evaluation's own citation verifier, which says yes or no, as scores are made."""

    def premise(claim: LabelledClaim) -> str:
        sources = passage_of(claim, passages).sources
        return "\n".join([claim.premise, *(source.label for source in sources)])

    return {
        claim.id: "supported" if supports(premise(claim), claim.claim) else "unsupported"
        for claim in claims
    }


def matcher_labels(claims: Sequence[LabelledClaim]) -> Said:
    """Ask the nugget matcher: the claim is the nugget, the passage the answer."""
    return {
        claim.id: "supported" if says(claim.premise, Nugget(claim.claim)) else "unsupported"
        for claim in claims
    }


def product_labels(
    claims: Sequence[LabelledClaim], passages: Mapping[str, Passage], verifier: LexicalVerifier
) -> Said:
    """Ask the product's own checks: each claim cites its passage, the only evidence there is."""
    found: dict[str, str | None] = {}
    for claim in claims:
        evidence = [Evidence(1, Hit(passage_of(claim, passages), 1.0))]
        found[claim.id] = verifier.verify(claim.claim, [1], evidence).status
    return found


async def judge_labels(
    claims: Sequence[LabelledClaim], judge: ChatJudge, *, parallel: int, tell: Tell
) -> tuple[Said, Said, Mapping[str, str]]:
    """Ask a judge of claims, then of nuggets; a reply that can't be read leaves None.

    Returns:
        its labels as verifier, its labels as matcher, and what it said of each claim.
    """
    as_verifier: dict[str, str | None] = {}
    as_matcher: dict[str, str | None] = {}
    said: dict[str, str] = {}

    async def one(claim: LabelledClaim) -> None:
        borne = await judge.support(claim.premise, claim.claim)
        as_verifier[claim.id] = borne.labels[0] if borne.labels else None
        said[claim.id] = borne.rationale or borne.fault
        held = await judge.nuggets(claim.heading, claim.text, [claim.claim])
        as_matcher[claim.id] = _NUGGET_LABELS[held.labels[0]] if held.labels else None
        tell(len(as_matcher), len(claims))

    await bounded(one, claims, parallel)
    return as_verifier, as_matcher, said


def agreement(name: str, claims: Sequence[LabelledClaim], said: Said) -> Agreement:
    """Hold what a verifier said against the labels; what it left unscored is counted apart."""
    told = [(claim, label) for claim in claims if (label := said[claim.id]) is not None]
    truth, labels = [claim.label for claim, _ in told], [label for _, label in told]
    yes, given = [_side(label) for label in truth], [_side(label) for label in labels]
    right = [a == b for a, b in zip(yes, given, strict=True)]
    topics = [claim.passage.split("/")[0] for claim, _ in told]
    spread = cluster_bootstrap_of(
        lambda rows: kappa([yes[i] for i in rows], [given[i] for i in rows]), topics
    )
    pairs = confusion(truth, labels)
    kinds = dict.fromkeys(claim.kind for claim, _ in told)
    return Agreement(
        name,
        len(told),
        len(claims) - len(told),
        _share(sum(right), len(right)),
        kappa(yes, given),
        spread[0] if spread else None,
        spread[1] if spread else None,
        kappa(truth, labels) if "partial" in labels else None,
        _share(*precision_counts(yes, given, "supported")),
        _share(*recall_counts(yes, given, "supported")),
        {a: {b: pairs.get((a, b), 0) for b in LABELS} for a in LABELS},
        {
            kind: _share(sum(found), len(found))
            for kind in kinds
            for found in [[r for r, (c, _) in zip(right, told, strict=True) if c.kind == kind]]
        },
        [claim.id for (claim, _), r in zip(told, right, strict=True) if not r],
    )


def _side(label: str) -> str:
    return "supported" if label == "supported" else "not"


def _share(hits: int, n: int) -> Share:
    low, high = wilson(hits, n)
    return Share(hits, n, hits / n if n else None, low, high)


def markdown(found: Sequence[Agreement]) -> str:
    """Write agreements as Markdown: figures, confusion tables, kinds."""
    lines = [
        "| | n | unscored | accuracy | kappa | precision | recall | kappa, three labels |",
        "|---|--:|--:|---|---|---|---|---|",
    ]
    for each in found:
        spread = "" if each.kappa_low is None else f" [{each.kappa_low:.2f}, {each.kappa_high:.2f}]"
        lines.append(
            f"| {each.name} | {each.n} | {each.unscored} | {_shown(each.accuracy)} | "
            f"{_number(each.kappa)}{spread} | {_shown(each.precision)} | {_shown(each.recall)} | "
            f"{_number(each.kappa_three)} |"
        )
    for each in found:
        lines += ["", f"{each.name}: label (row) against what it said (column)", ""]
        lines += ["| | " + " | ".join(LABELS) + " |", "|---|" + "--:|" * len(LABELS)]
        for label in LABELS:
            cells = " | ".join(str(each.confusion[label][other]) for other in LABELS)
            lines.append(f"| {label} | {cells} |")
    kinds = dict.fromkeys(kind for each in found for kind in each.by_kind)
    lines += ["", "Put on the right side (supported, or not), by kind:", ""]
    lines += ["| kind | " + " | ".join(each.name for each in found) + " |"]
    lines += ["|---|" + "---|" * len(found)]
    for kind in kinds:
        cells = " | ".join(
            f"{each.by_kind[kind].hits} of {each.by_kind[kind].n}" if kind in each.by_kind else "–"
            for each in found
        )
        lines.append(f"| {kind} | {cells} |")
    return "\n".join(lines) + "\n"


def _shown(share: Share) -> str:
    if share.value is None:
        return "–"
    return f"{share.value:.2f} [{share.low:.2f}, {share.high:.2f}]"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
