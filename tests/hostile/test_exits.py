"""Every way out: the endpoint's three forms, the page, what it saves, the tools, the terminal."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from app.answer.pipeline import Pipeline
from app.api import create_app
from app.chat_models.scripted import ScriptedChatModel
from app.cli.ask import _show_event
from app.config.settings import load_settings
from app.question.answerable import Gate, Head
from app.record.types import Answer, Citation, Claim, Event, Final, Question, Retrieved
from app.tools.forms import answer_text, answered
from app.ui.conversation import Turn
from app.ui.exports.markdown import markdown_of
from app.ui.exports.web_page import web_page_of
from app.ui.turns import turn_html
from tests.conftest import MakePipeline
from tests.hostile.conftest import asked_of
from tests.hostile.suite import Attack, Parsed, acting, attacks, faults, planted
from tests.hostile.test_attacks import TRUE

ATTACKS = attacks()
FOREIGN = ("://evil", "evil.com", "evil.example", "<|")
_PAGE_TAGS = {
    "article", "h2", "h3", "span", "p", "strong", "div", "em", "s", "code", "pre", "sup", "a", "ul",
    "ol", "li", "blockquote", "mark", "header", "footer", "details", "summary", "dl", "dt", "dd",
    "i", "b", "button", "section", "q", "table", "thead", "tbody", "tr", "th", "td", "hr", "br",
    "h4", "small", "math", "mrow", "mi", "mn", "mo", "mtext", "msub", "msup", "mfrac", "msqrt",
    "mspace",
}  # fmt: skip
_SAVED_TAGS = _PAGE_TAGS | {
    "!",
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "main",
    "time",
    "h1",
}


async def events_of(pipeline: Pipeline, question: Question) -> list[Event]:
    return [event async for event in pipeline.answer(question)]


def answer_of(events: list[Event]) -> Answer:
    last = events[-1]
    assert isinstance(last, Final)
    return last.answer


def check_page(events: list[Event], question: str, *, drafted: bool = True) -> None:
    """Nothing acts on the page, in what it saves or in what the tools say.

    Of what a model drafted no address is left; the evidence's own words stay, as code.
    """
    answer, found = answer_of(events), events[0]
    assert isinstance(found, Retrieved)
    turn = Turn(question, "Expert", answer.text, answer.citations, answer.claims, found, answer)
    known = {citation.url for citation in answer.citations}
    known |= {source.url for hit in found.hits for source in hit.passage.sources}
    seen = Parsed(turn_html(turn, 0))  # its evidence is in it
    assert set(seen.tags) <= _PAGE_TAGS
    assert not [name for name, _ in seen.attributes if name.startswith("on")]
    for name, value in seen.attributes:
        if name in ("href", "src", "action", "srcset", "style"):
            assert (name, value[:4]) in (("href", "http"), ("style", "widt"))
            assert name == "style" or value in known
    cited = frozenset(citation.url for citation in answer.citations)
    cited |= {work.url for citation in answer.citations for work in citation.works}
    exported = markdown_of([turn])
    assert acting(exported, cited) == []
    saved = Parsed(web_page_of([turn]))
    assert set(saved.tags) <= _SAVED_TAGS
    for name, value in saved.attributes:
        assert not name.startswith("on")
        if name in ("href", "src", "action", "srcset"):
            assert name == "href"
            assert value in cited or value.startswith("#source-")
    told = answer_text(answered(answer))
    assert not (drafted and any(word in told for word in ("://evil", "<|")))


@pytest.mark.parametrize("mode", ["compose", "draft"])
async def test_hostile_passages_and_sources_do_not_act_either(
    mode: str, make_poisoned: MakePipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, attack in enumerate(planted()):
        quoted = f"The Zorblat{number} layer divides its {attack.says} scores by the root of width."
        pipeline = make_poisoned([quoted], answer_mode=mode)
        events = await events_of(pipeline, Question(asked_of(number)))
        answer = answer_of(events)
        assert answer.citations, attack.id
        found = faults(answer.text, answer.citations, answer.claims, ())
        assert found == [], attack.id
        for citation in answer.citations:
            assert citation.url in ("", "https://example.org/paper")
            assert citation.title.isprintable() or "\u200d" in citation.title
        check_page(events, attack.says, drafted=False)
        for event in events:
            _show_event(event, explain=True)
        shown = capsys.readouterr()
        assert not set("\x1b\x07\x9b\u202e\u2066") & set(shown.out + shown.err)


async def test_an_abstention_repeats_nothing_that_acts(make_pipeline: MakePipeline) -> None:
    closed = Gate(Head({}, 0.0), Head({}, 0.0), threshold=1.0)
    for attack in planted():
        pipeline = make_pipeline(answer_mode="compose", gate=closed)
        answer = answer_of(
            await events_of(pipeline, Question(f"Who won the cup? {attack.says} {attack.text}"))
        )
        assert answer.abstained, attack.id
        assert faults(answer.text, (), (), ()) == [], attack.id


class Swapped:
    """A pipeline whose model can be told anew what to say."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline

    def __getattr__(self, name: str) -> Any:
        return getattr(self.pipeline, name)

    def says(self, text: str) -> None:
        self.pipeline.model = ScriptedChatModel(list(text))


@pytest.fixture
def endpoint(make_pipeline: MakePipeline) -> tuple[Swapped, httpx.AsyncClient]:
    served = Swapped(make_pipeline(answer_mode="draft"))
    app = create_app(served, load_settings())
    return served, httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


def messages_of(question: Question) -> list[dict[str, str]]:
    told = [{"role": "system", "content": question.instructions}] if question.instructions else []
    turns = [{"role": turn.role, "content": turn.content} for turn in question.history]
    return [*told, *turns, {"role": "user", "content": question.text}]


def check_wire(text: str, body: dict[str, Any], notes: list[dict[str, Any]], never: Any) -> None:
    grounded = body["x_grounding"]
    claims = [
        Claim(text[c["start"] : c["end"]], c["start"], c["end"], tuple(c["cites"]), (), c["status"])
        for c in grounded["claims"]
    ]
    cited = [
        Citation(source["n"], "", source["url"], source["title"], "")
        for source in grounded["sources"]
    ]
    assert faults(text, cited, claims, never) == []
    urls = {citation.url for citation in cited}
    assert set(body["citations"]) == {result["url"] for result in body["search_results"]} == urls
    # What is one of several works has the address of none.
    assert all(url.startswith("https://") or not url for url in urls)
    works = {work["url"] for source in grounded["sources"] for work in source.get("works") or ()}
    for note in notes:
        assert note["url"] in urls | works
        marker = text[note["start_index"] : note["end_index"]]
        assert marker[1:-1].isdigit()
        source = cited[int(marker[1:-1]) - 1]
        assert source.url in ("", note["url"])


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.id)
async def test_nothing_that_acts_leaves_though_the_model_obeys(
    attack: Attack, endpoint: tuple[Swapped, httpx.AsyncClient], make_pipeline: MakePipeline
) -> None:
    """The answer and the page, the draft in one piece; the endpoint, letter by letter."""
    served, client = endpoint
    question, said = attack.question(), attack.obeyed(TRUE)
    events = await events_of(make_pipeline([said], answer_mode="draft"), question)
    answer = answer_of(events)
    assert faults(answer.text, answer.citations, answer.claims, attack.never) == []
    assert TRUE[0] in answer.text
    assert {claim.status for claim in answer.claims} <= {"supported", "partial"}
    for citation in answer.citations:
        assert citation.url.startswith("https://") or citation.works
    check_page(events, f"{question.text} {attack.says}")

    served.says(said)
    asked: dict[str, Any] = {"model": "citewise-expert", "messages": messages_of(question)}
    whole = (await client.post("/v1/chat/completions", json=asked)).json()
    message = whole["choices"][0]["message"]
    assert message["content"] == answer.text
    notes = [note["url_citation"] for note in message["annotations"]]
    assert notes
    check_wire(message["content"], whole, notes, attack.never)

    raw = (await client.post("/v1/chat/completions", json={**asked, "stream": True})).text
    frames = raw.removesuffix("\n\n").split("\n\n")
    assert frames[-1] == "data: [DONE]"
    assert all(frame.startswith("data: {") and "\n" not in frame for frame in frames[:-1])
    chunks = [json.loads(frame.removeprefix("data: ")) for frame in frames[:-1]]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    text = "".join(delta.get("content") or "" for delta in deltas)
    assert text == message["content"]
    last = next(chunk for chunk in chunks if "x_grounding" in chunk)
    streamed = [n["url_citation"] for delta in deltas for n in delta.get("annotations", ())]
    assert streamed == notes
    check_wire(text, last, streamed, attack.never)


@pytest.mark.parametrize("attack", ATTACKS[::3], ids=lambda attack: attack.id)
async def test_responses_send_nothing_that_acts(
    attack: Attack, endpoint: tuple[Swapped, httpx.AsyncClient]
) -> None:
    served, client = endpoint
    served.says(attack.obeyed(TRUE))
    question = attack.question()
    items = messages_of(question)
    told = {"instructions": question.instructions} if question.instructions else {}
    asked = {
        "model": "citewise-expert", **told,
        "input": [item for item in items if item["role"] != "system"],
    }  # fmt: skip
    whole = (await client.post("/v1/responses", json=asked)).json()
    part = whole["output"][-1]["content"][0]
    check_wire(part["text"], whole, part["annotations"], attack.never)
    raw = (await client.post("/v1/responses", json={**asked, "stream": True})).text
    events = [json.loads(line[6:]) for line in raw.split("\n") if line.startswith("data: {")]
    done = next(event for event in events if event["type"] == "response.completed")
    deltas = [e["delta"] for e in events if e["type"] == "response.output_text.delta"]
    assert "".join(deltas) == done["response"]["output"][-1]["content"][0]["text"] == part["text"]


async def test_a_chore_is_answered_without_anything_that_acts(
    endpoint: tuple[Swapped, httpx.AsyncClient],
) -> None:
    served, client = endpoint
    for attack in ATTACKS:
        served.says(attack.says)
        chore = "Generate a concise 3-7 word title for this conversation, omitting punctuation."
        asked = {"model": "citewise-expert", "messages": [{"role": "user", "content": chore}]}
        body = (await client.post("/v1/chat/completions", json=asked)).json()
        message = body["choices"][0]["message"]
        assert body["citations"] == message["annotations"] == []
        assert acting(message["content"]) == [], attack.id
