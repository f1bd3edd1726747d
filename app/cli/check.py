"""`app check`: sentence by sentence, whether the sources bear a text out."""

from __future__ import annotations

import argparse
import asyncio
import sys
import textwrap

from app.cli.ask import decoded, opened_pipeline
from app.record.checked import Bearing, Checked, CheckedSentence
from app.record.errors import RequestError
from app.record.sanitize import one_line
from index.cli import print_json

__all__ = ["check_command"]

_WIDTH = 96
_INDENT = " " * 4
_VERDICTS = {
    "supported": "supported",
    "contradicted": "CONTRADICTED",
    "not_in_sources": "not in the sources",
    "no_claim": "claims nothing",
}


def check_command(options: argparse.Namespace) -> int:
    """Check a text, given in quotes or on standard input."""
    checked = asyncio.run(_checked(options, _text(options)))
    if options.json:
        print_json(checked.as_dict())
    else:
        _show(checked)
    return 0


def _text(options: argparse.Namespace) -> str:
    if options.text is None:
        raise RequestError(
            "no text was given; write it in quotes, or - to read it from standard input",
            field="text",
        )
    return decoded(sys.stdin.buffer.read()) if options.text == "-" else str(options.text)


async def _checked(options: argparse.Namespace, text: str) -> Checked:
    pipeline = opened_pipeline(options)
    try:
        return await pipeline.check(text)
    finally:
        await pipeline.model.close()


def _show(checked: Checked) -> None:
    for sentence in checked.sentences:
        print(f"{_VERDICTS[sentence.verdict]}: {_wrapped(sentence.text)}")
        if sentence.read_as:
            print(_wrapped(f"read as: {sentence.read_as}", _INDENT))
        for passage in _behind(sentence):
            _show_passage(passage)
        print()
    counts = ", ".join(
        f"{count} {_VERDICTS[verdict].lower()}"
        for verdict, count in checked.counts.items()
        if count
    )
    print(f"{counts}; index {checked.index_fingerprint}")


def _behind(sentence: CheckedSentence) -> tuple[Bearing, ...]:
    """The passages behind a verdict; what is merely near is no evidence, and one is enough."""
    return sentence.passages[:1] if sentence.verdict == "not_in_sources" else sentence.passages


def _show_passage(passage: Bearing) -> None:
    # Only a document's own words stand in quotation marks.
    marked = "“{}”" if passage.place else "{}"
    print(_wrapped(marked.format(passage.quote), _INDENT))
    for one in passage.differences:
        if one.kind == "arithmetic":
            there = marked.format(one.source)
            print(_wrapped(f"{one.kind}: {there} is wrong, and so is {one.said}", _INDENT))
        elif one.source:
            there = marked.format(one.source)
            print(_wrapped(f"{one.kind}: “{one.said}”, there {there}", _INDENT))
        else:
            print(_wrapped(f"{one.kind}: “{one.said}” is not there", _INDENT))
    sources = "; ".join(source.label for source in passage.sources)
    print(_wrapped(" — ".join(filter(None, (passage.ref, passage.where, sources))), _INDENT))


def _wrapped(text: str, indent: str = "") -> str:
    """Fit text that others wrote to the terminal, which obeys what it can't show."""
    return textwrap.fill(
        one_line(text),
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent or _INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )
