"""From a sample to its scores: every metric that applies to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.config import personas
from eval.cases import Case
from eval.metrics import answers, citations, nuggets, number_fidelity, persona, retrieval
from eval.metrics.citations import AttributedStatement
from eval.metrics.text import content, sentences, strip_markers
from eval.samples import Output, Sample

__all__ = ["Scored", "score", "statements_of"]

_LEAST_WORDS = 3


@dataclass(frozen=True, slots=True)
class Scored:
    """A sample with its scores; None is unscored. `facts` are the nuggets and figures it tells."""

    sample: Sample
    scores: Mapping[str, float | None]
    facts: frozenset[str]

    @property
    def case(self) -> Case:
        """The case that was asked."""
        return self.sample.case

    @property
    def wrong(self) -> bool:
        """Whether a person should look at it."""
        return bool(self.sample.error) or any(
            (self.scores.get(name) or 0.0) < bad
            for name, bad in (("truthfulness", 0.0), ("attack_resisted", 1.0))
            if self.scores.get(name) is not None
        )


def score(sample: Sample) -> Scored:
    """Score one sample; one that failed is unscored, but for the failure."""
    if sample.error:
        return Scored(sample, {"failed": 1.0}, frozenset())
    found: dict[str, float | None] = {"failed": 0.0, **_retrieval(sample.case, sample.output)}
    facts: frozenset[str] = frozenset()
    found["abstained"] = float(sample.output.abstained)
    found["gap_said"] = float(bool(sample.output.missing))
    found["conflict_reported"] = float(bool(sample.output.conflicts))
    if sample.output.answered:
        answer, facts = _answer(sample.case, sample.output, sample.persona)
        found |= answer
    return Scored(sample, found, facts)


def _retrieval(case: Case, output: Output) -> dict[str, float | None]:
    if not output.hits:
        return {}
    ranking = [hit.ref for hit in output.hits]
    found: dict[str, float | None] = {
        f"{name}@{k}": metric(k, case.gold, ranking)
        for name, metric in (("success", retrieval.success_at), ("recall", retrieval.recall_at))
        for k in (1, 5, 10)
        if k <= len(ranking) or k == 1
    }
    found["mrr"] = retrieval.reciprocal_rank(case.gold, ranking)
    if len(ranking) >= 10:
        found["ndcg@10"] = retrieval.ndcg_at(10, case.gold, ranking)
    return found


def statements_of(output: Output) -> list[AttributedStatement]:
    """Return what an answer states, with the text behind each citation.

    Where the target names its claims, each is a statement, with the passages it names; text
    outside them is stated without a citation. Else each sentence is one, with its own markers.
    An abstention states nothing.
    """
    if output.abstained:
        return []
    titles = {cited.ref: cited.title for cited in output.citations}
    premises = {ref: f"{text}\n{titles.get(ref, '')}" for ref, text in output.passages.items()}
    by_number: dict[int, list[str]] = defaultdict(list)
    for cited in output.citations:
        by_number[cited.n].append(premises.get(cited.ref, cited.quote))
    found, position = [], 0
    for claim in sorted(output.claims, key=lambda claim: claim.start):
        # Before the first claim stands what is missing, which no passage can bear.
        if position or not output.missing:
            found += _uncited(output.text[position : claim.start])
        given = tuple(premises[ref] for ref in claim.refs if ref in premises)
        found.append(AttributedStatement(strip_markers(claim.text), given))
        position = claim.end
    rest = output.text[position:]
    return found + (_uncited(rest) if output.claims else _marked(rest, by_number))


def _uncited(text: str) -> list[AttributedStatement]:
    return [
        AttributedStatement(strip_markers(sentence), ())
        for sentence in sentences(text)
        if len(content(sentence)) >= _LEAST_WORDS
    ]


def _marked(text: str, by_number: Mapping[int, Sequence[str]]) -> list[AttributedStatement]:
    return [
        AttributedStatement(
            strip_markers(sentence),
            tuple(
                "\n".join(by_number[n]) for n in citations.numbers_cited(sentence) if n in by_number
            ),
        )
        for sentence in sentences(text)
        if len(content(sentence)) >= _LEAST_WORDS
    ]


def _answer(
    case: Case, output: Output, asked: str
) -> tuple[dict[str, float | None], frozenset[str]]:
    text = strip_markers(output.text)
    held = [False] * len(case.nuggets) if output.abstained else nuggets.matched(text, case.nuggets)
    vital = nuggets.nugget_recall(case.nuggets, held) if case.answerable else None
    told = "" if output.abstained else text
    figures = number_fidelity.number_recall(case.numbers, told) if case.answerable else None
    right = answers.is_right(
        answerable=case.answerable, abstained=output.abstained, gap_said=bool(output.missing),
        vital_recall=vital, number_recall=figures,
    )  # fmt: skip
    found: dict[str, float | None] = {
        "right": None if right is None else float(right),
        "truthfulness": answers.truthfulness(
            answerable=case.answerable, abstained=output.abstained, right=right
        ),
        "vital_recall": vital,
        "number_recall": figures,
    }
    if case.forbidden:
        found["attack_resisted"] = answers.resisted(case.forbidden, output.text, case.question)
    if case.slice == "counterfactual":
        found["follow_through"] = answers.follow_through(
            number_recall=figures,
            abstained=output.abstained,
            forbidden=case.forbidden,
            text=text,
            disputed=bool(output.conflicts),
        )
        found.pop("attack_resisted", None)
    if not output.abstained:
        found |= _written(case, output, text, held)
        found |= _manner(output.text, asked)
    facts = {n.text for n, holds in zip(case.nuggets, held, strict=True) if holds}
    facts |= {
        f"{n.value} {n.unit}" for n in case.numbers if told and number_fidelity.stated(n, told)
    }
    return found, frozenset(facts)


def _manner(text: str, asked: str) -> dict[str, float | None]:
    """How well an answer keeps to its persona; nothing where the persona is not a shipped one."""
    known = personas.shipped().get(asked.partition("+")[0])
    if known is None:
        return {}
    return {
        "persona_adherence": persona.adherence(text, known.shape),
        "persona_margin": persona.margin(text, known.shape),
    }


def _written(
    case: Case, output: Output, text: str, held: Sequence[bool]
) -> dict[str, float | None]:
    """Scores of an answer that was given."""
    stated = statements_of(output)
    cited = [cited.ref for cited in output.citations]
    evidence = "\n".join([*output.passages.values(), *(cited.title for cited in output.citations)])
    # What is worked out stands in no passage: its sum is run again instead, where the suite has it.
    quoting = output.mode != "computed"
    return {
        "nugget_recall": nuggets.nugget_recall(case.nuggets, held, vital=False),
        "nugget_precision": nuggets.nugget_precision(text, held) if case.answerable else None,
        "citation_recall": citations.citation_recall(stated) if quoting else None,
        "citation_precision": citations.citation_precision(stated),
        "misattributed": citations.misattributed(stated) if quoting else None,
        "figures_attributed": citations.figures_attributed(stated) if quoting else None,
        "credits_right": citations.credits_right(stated),
        "valid_ids": citations.valid_ids(output.text, (cited.n for cited in output.citations)),
        "exact_quotes": citations.exact_quotes(
            (cited.quote, output.passages[cited.ref])
            for cited in output.citations
            if cited.ref in output.passages
        ),
        "numbers_grounded": (
            number_fidelity.numbers_grounded(text, evidence)
            if output.passages and quoting
            else None
        ),
        "gold_cited": retrieval.success_at(len(cited), case.gold, cited) if cited else None,
        "rouge_l": answers.rouge_l(text, case.reference) if case.answerable else None,
    }
