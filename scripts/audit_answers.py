"""`python -m scripts.audit_answers`: answers held against the passages that they cite, as data.

Questions are drawn from the headings of an index's own passages and answered with the gate open.
Each sentence of each answer is then compared with the passage, source and link behind it, by
rules that share nothing with what wrote it. A fault is

- `words`: a sentence that is given as the evidence's has other words than the passage;
- `sign`: a sign before a sentence, as in "> 5 GB", is left off;
- `shown`: what the reader sees of it is not it and its markers;
- `uncited`: a sentence without a marker, or letters that belong to no sentence;
- `link`: a citation leads elsewhere than to one of the passage's own sources or its document;
- `guessed`: one of several sources was chosen though the sentence names none;
- `place`: a citation's quote, section or file is not the passage's;
- `quotation`: quotation marks around words that are not the cited document's, in the text, in
  the page's evidence or in what the page saves.

The status is 1 where there is any.
"""

from __future__ import annotations

import argparse
import asyncio
import html
import random
import re
import sys
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import prompts
from app.answer.conflicts import statements
from app.answer.pipeline import Pipeline, PipelineSettings
from app.chat_models.scripted import ScriptedChatModel
from app.config.settings import load_settings
from app.question.answerable import Gate, Head
from app.record.evidence import evidence_of
from app.record.types import Answer, Citation, Claim, Final, Question, Retrieved
from app.service import open_model
from app.ui.conversation import Turn
from app.ui.evidence import evidence_html
from app.ui.exports.web_page import web_page_of
from index.build import build
from index.cli import Parser, print_json, progress_bar, run, say
from index.encoders import load_encoder
from index.live import LiveIndex
from index.sources import read_all
from index.types import Passage

__all__ = ["OPEN", "Fault", "audit", "faults_in", "main", "questions_of"]

OPEN = Gate(Head({}, 30.0), Head({}, 30.0), threshold=0.0)
_INDEX = Path(__file__).resolve().parent.parent / "var" / "index"
_PATIENCE = 600.0  # seconds: a busy machine decides nothing in an audit
# What stands at a line's beginning before a figure, or before a lower-case word.
_SIGNED = re.compile(r"(?:^|\n|[.!?] )[ \t]*([<>≤≥+-]|#(?= [a-z]))[ \t]*$")
_NOTES = {"partial": " (partly supported)", "unsupported": " (not supported)"}
_TOKEN = re.compile(r"\w+|[^\w\s]")
_QUOTED = re.compile(r"[“„«\"]([^“”„«»\"]+)[”“»\"]")
_Q = re.compile(r"<q\b[^>]*>(.*?)</q>", re.DOTALL)
_PREMISE = "The sources say otherwise: "
# What we say ourselves of what is missing.
_OWN = re.compile(
    "|".join(
        re.sub(r"\\{\\{\w+\\}\\}", ".*?", re.escape(prompts.text(f"replies/{name}.md").strip()))
        for name in (
            "missing-asked", "missing-named", "missing-together", "missing-nearest"
        )
    ),
    re.DOTALL,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one answer, and where."""

    kind: str
    question: str
    detail: str


def questions_of(passages: Sequence[Passage], seed: int) -> Iterator[str]:
    """The passages' own questions and labels, in a random order, each once."""
    asked = [p.heading if p.heading != p.title else f"What is {p.title}?" for p in passages]
    distinct = list(dict.fromkeys(asked))
    random.Random(seed).shuffle(distinct)
    yield from distinct


async def audit(pipeline: Pipeline, wanted: int, seed: int = 0) -> tuple[int, int, list[Fault]]:
    """Audit some answers.

    Returns:
        How many answers, how many sentences they had, and the faults.
    """
    answers = sentences = 0
    found: list[Fault] = []
    for question in questions_of(pipeline.index.passages, seed):
        if answers >= wanted:
            break
        retrieved, answer = await _answered(pipeline, question)
        if retrieved is None or not answer.claims or answer.calculations:
            continue  # nothing is stated, or what is worked out by a formula
        answers += 1
        sentences += len(answer.claims)
        found += faults_in(retrieved, answer)
    return answers, sentences, found


async def _answered(pipeline: Pipeline, question: str) -> tuple[Retrieved | None, Answer]:
    retrieved = None
    async for event in pipeline.answer(Question(question)):
        if isinstance(event, Retrieved):
            retrieved = event
        elif isinstance(event, Final):
            return retrieved, event.answer
    raise AssertionError("the pipeline ended without an answer")


def faults_in(retrieved: Retrieved, answer: Answer) -> list[Fault]:
    """Compare one answer with the passages that it was made from."""
    found_hits = (*retrieved.hits, *retrieved.counterparts, *retrieved.beside)
    passages = {hit.passage.id: hit.passage for hit in found_hits}
    hits = evidence_of(found_hits)
    # What we say ourselves of values that disagree; each value is compared as a figure.
    own = {said.text for each in answer.conflicts for said in statements(each, hits)}
    found = [
        (kind, detail)
        for claim in answer.claims
        for kind, detail in _of_claim(claim, answer, passages, own)
    ]
    found += [each for claim in answer.claims for each in _signs(claim, answer, passages)]
    found += [each for one in answer.citations for each in _of_citation(one, passages)]
    found += _of_page(retrieved, answer, passages)
    position = 0
    for claim in sorted(answer.claims, key=lambda one: one.start):
        between, position = answer.text[position : claim.start], claim.end
        between = _OWN.sub("", between)
        for ref in claim.refs:  # a reply may stand below its passage's own question
            if ref in passages and _tokens(between) == _tokens(passages[ref].heading):
                between = ""
        if answer.mode == "composed" and re.search(r"[^\W\d_]", between):
            found.append(("uncited", between))
    return [Fault(kind, answer.standalone_query, detail) for kind, detail in found]


def _of_claim(
    claim: Claim, answer: Answer, passages: Mapping[str, Passage], own: set[str]
) -> Iterator[tuple[str, str]]:
    said = claim.text.removeprefix(_PREMISE)
    cited = [passages[ref] for ref in claim.refs]
    in_evidence = any(_holds(passage.text, said) for passage in cited)
    if claim.basis in ("quoted", "restated") and not in_evidence and claim.text not in own:
        yield "words", claim.text
    quotes = [passage for passage in cited if passage.place is not None]
    if claim.basis == "quoted" and (not in_evidence or len(quotes) < len(cited)):
        yield "words", f"quoted, but no document's: {claim.text}"
    markers = "".join(f"[{n}]" for n in claim.cites)
    shown = answer.text[claim.start : claim.end]
    if not claim.cites or markers not in shown:
        yield "uncited", shown
    note = _NOTES.get(claim.status, "").strip()
    # They stand at a sentence's end, or below a block of code or a table.
    before, _, after = shown.rpartition(markers) if markers else (shown, "", "")
    if _tokens(before.rstrip().removesuffix(note) + after) != _tokens(claim.text):
        yield "shown", shown
    for marked in _QUOTED.finditer(shown):
        inside = any(_holds(passage.text, marked.group()) for passage in cited)
        documents = any(_holds(passage.text, marked[1]) for passage in quotes)
        if not inside and not documents:
            yield "quotation", shown
    yield from _chosen(claim, answer, passages)


def _signs(
    claim: Claim, answer: Answer, passages: Mapping[str, Passage]
) -> Iterator[tuple[str, str]]:
    """Find a sign that stands before the cited words and neither in the sentence nor before it."""
    before = answer.text[: claim.start].rstrip(" `")
    for one in (answer.citations[position] for position in claim.evidence):
        text = passages[one.ref].text
        sign = _SIGNED.search(text[: one.start])
        figure = text[one.start : one.start + 1].isdigit() or (sign and sign[1] == "#")
        if sign and figure and one.quote in text and not before.endswith(sign[1]):
            yield "sign", f"{sign[1]} {one.quote}"


def _chosen(
    claim: Claim, answer: Answer, passages: Mapping[str, Passage]
) -> Iterator[tuple[str, str]]:
    """Find works that were chosen out of a passage's several though nothing names them."""
    evidence = [answer.citations[position] for position in claim.evidence]
    for ref in claim.refs:
        passage = passages[ref]
        if passage.place is not None:
            continue
        named = set()
        for one in evidence:
            if one.ref == ref:
                named |= {work.label for work in one.works} or {one.title}
        labels = {" ".join(source.label.split()) for source in passage.sources}
        if labels - {" ".join(name.split()) for name in named} and not all(
            re.split(r"[\s,]", name)[0].casefold() in claim.text.casefold() for name in named
        ):
            yield "guessed", f"{sorted(named)} for {claim.text}"


def _of_citation(one: Citation, passages: Mapping[str, Passage]) -> Iterator[tuple[str, str]]:
    passage = passages[one.ref]
    addresses = {source.url for source in passage.sources}
    if passage.text[one.start : one.end] != one.quote or one.place != passage.place:
        yield "place", f"{one.ref}: {one.quote}"
    if one.place is not None:
        addresses |= {f"{address}#{one.place.anchor}" for address in addresses}
        if one.place.section and one.place.section[-1] not in one.title:
            yield "place", f"{one.ref}: {one.title}"
    if one.url and one.url not in addresses:
        yield "link", f"{one.ref}: {one.url}"
    if any(work not in passage.sources for work in one.works):
        yield "link", f"{one.ref}: {one.title}"


def _of_page(
    retrieved: Retrieved, answer: Answer, passages: Mapping[str, Passage]
) -> Iterator[tuple[str, str]]:
    """Find quotation marks on the page, and in what it saves, around other words."""
    documents = [
        passages[one.ref].text for one in answer.citations if passages[one.ref].place is not None
    ]
    turn = Turn(
        question=answer.standalone_query,
        persona=answer.persona,
        text=answer.text,
        citations=answer.citations,
        claims=answer.claims,
        retrieved=retrieved,
        answer=answer,
    )
    for made in (evidence_html(turn, "t0"), web_page_of([turn])):
        for marked in _Q.finditer(made):
            plain = html.unescape(re.sub(r"<[^>]+>", " ", marked[1]))
            formula = "<math" in marked[1]  # it is drawn in other characters
            if not formula and not any(_holds(text, plain) for text in documents):
                yield "quotation", plain
        if "<blockquote" in made and not documents:
            yield "quotation", "a block of what is no document's words"


def _tokens(text: str) -> list[str]:
    """Words and signs, without what makes code of them and what nobody sees."""
    shown = (
        char
        for char in text.replace("`", "")
        if char.isspace() or not unicodedata.category(char).startswith("C")
    )
    return _TOKEN.findall("".join(shown))


def _holds(text: str, part: str) -> bool:
    """Tell whether a text has the words of another one, in their order and without a gap."""
    whole, wanted = _tokens(text), _tokens(part)
    return any(whole[at : at + len(wanted)] == wanted for at in range(len(whole) - len(wanted) + 1))


def main(arguments: list[str] | None = None) -> int:
    """Audit answers and print what was found; return 1 where anything was."""
    parser = Parser(prog="python -m scripts.audit_answers", description=__doc__)
    parser.add_argument("--index", type=Path, default=_INDEX, help="an index directory")
    parser.add_argument(
        "--kb", action="append", metavar="[NAME=]PATH", help="build an index of this instead"
    )
    parser.add_argument("--answers", type=int, default=200, help="how many (200)")
    parser.add_argument("--drafted", action="store_true", help="written by the embedded model")
    parser.add_argument("--seed", type=int, default=0, help="of the sample of questions")
    parser.add_argument("--json", action="store_true", help="print the faults as JSON")
    options = parser.parse_args(arguments)
    return run("scripts.audit_answers", lambda: _audited(options))


def _audited(options: argparse.Namespace) -> int:
    with _pipeline(options) as pipeline:
        answers, sentences, found = asyncio.run(audit(pipeline, options.answers, options.seed))
    kinds = Counter(fault.kind for fault in found)
    if options.json:
        faults = [asdict(fault) for fault in found]
        print_json({"answers": answers, "sentences": sentences, "faults": faults})
    else:
        for fault in found:
            print(f"{fault.kind:10} {fault.question[:60]!r}: {fault.detail[:200]!r}")
        told = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        print(f"{answers} answers, {sentences} sentences: {told or 'no fault'}")
    return 1 if found or not answers else 0


@contextmanager
def _pipeline(options: argparse.Namespace) -> Iterator[Pipeline]:
    """The product over an index, composing or drafting, with the gate open."""
    encoder = load_encoder()
    settings = PipelineSettings(
        answer_mode="draft" if options.drafted else "compose",
        gate=OPEN,
        retrieve_seconds=_PATIENCE,
    )
    model = open_model(load_settings()) if options.drafted else ScriptedChatModel(())
    with tempfile.TemporaryDirectory() as folder:
        place = options.index
        if options.kb:
            place = Path(folder)
            say(f"building an index of {', '.join(options.kb)}")
            with progress_bar("encoding") as progress:
                build(read_all(options.kb).knowledge_base, place, encoder, progress)
        yield Pipeline(LiveIndex(place, encoder), model, settings)


if __name__ == "__main__":
    sys.exit(main())
