"""LaTeX and BibTeX: what is read, and that no word is lost."""

from __future__ import annotations

import contextlib
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import KnowledgeBaseError
from index.sources import read
from index.sources.blocks import BlockKind, Parsed
from index.sources.latex import parse_latex, plain_latex
from tests.index.made_files import pdf

PAPER = r"""
\documentclass[11pt]{article}
\title{A \emph{Fast} Pump}
\author{Ada}
\begin{document}
\maketitle
\begin{abstract}
We show a pump~\cite{doe2020} that saves 40\% energy.
\end{abstract}
\section{Method}\label{sec:m}
The flow is $q = v A$, see Section~\ref{sec:m}.

Caf\'e \textbf{bold \textit{it}} \unknown{kept words}. % dropped
\begin{equation}\label{e} q = v A \end{equation}
\begin{itemize}
\item First one
\item Second:
  \begin{enumerate} \item inner a \item inner b \end{enumerate}
\end{itemize}
\begin{table}
\caption{Results of pumps.}
\begin{tabular}{l|c}
\toprule Pump & Flow \\ \midrule A & 3 \\ B & 5 \\
\end{tabular}
\end{table}
\begin{lstlisting}[language=Python]
x = 1  % no comment
\end{lstlisting}
\end{document}
"""


def _shown(parsed: Parsed) -> list[tuple[str, str]]:
    return [(block.kind.name, block.text) for block in parsed.blocks]


def test_a_paper_is_read_in_its_parts() -> None:
    parsed = parse_latex(PAPER)
    assert parsed.title == "A Fast Pump"
    assert _shown(parsed) == [
        ("HEADING", "Abstract"),
        ("TEXT", "We show a pump (doe2020) that saves 40% energy."),
        ("HEADING", "Method"),
        ("TEXT", "The flow is $q = v A$, see Section sec:m."),
        ("TEXT", "Café bold it kept words."),
        ("FORMULA", "$$\nq = v A\n$$"),
        ("ITEM", "- First one"),
        ("ITEM", "- Second:"),
        ("ITEM", "- inner a"),
        ("ITEM", "- inner b"),
        ("TEXT", "Results of pumps."),
        ("TABLE", "| Pump | Flow |\n| --- | --- |\n| A | 3 |\n| B | 5 |"),
        ("CODE", "```python\nx = 1  % no comment\n```"),
    ]
    assert [b.anchor for b in parsed.blocks if b.kind is BlockKind.HEADING] == ["", "sec:m"]


WORD = st.from_regex(r"[a-z]{2,9}", fullmatch=True)
WORDS = st.lists(WORD, min_size=1, max_size=6).map(" ".join)
PART = st.one_of(
    WORDS.map(lambda w: f"\n\n{w}\n\n"),
    WORDS.map(lambda w: f"\\section{{{w}}}"),
    WORDS.map(lambda w: f"\\textbf{{{w}}} "),
    WORDS.map(lambda w: f"\\mymacro[x]{{{w}}} "),
    WORDS.map(lambda w: f"\\begin{{quote}}{w}\\end{{quote}}"),
    WORDS.map(lambda w: f"\\begin{{itemize}}\\item {w} \\item two\\end{{itemize}}"),
    WORDS.map(lambda w: f"\\begin{{verbatim}}\n{w}\n\\end{{verbatim}}"),
    WORDS.map(lambda w: f"\\begin{{tabular}}{{lr}}{w} & two \\\\ three & four\\end{{tabular}}"),
    WORDS.map(lambda w: f"\\footnote{{{w}}} "),
    WORDS.map(lambda w: f" \\[ {w} \\] "),
)


@given(st.lists(st.tuples(PART), max_size=8))
def test_no_word_is_lost(parts: list[tuple[str]]) -> None:
    text = "".join(part for (part,) in parts)
    wanted = re.findall(
        r"[a-z]{2,}",
        re.sub(r"\\(?:begin|end)\{\w+\}(?:\{lr\})?|\\[a-z]+(?:\[x\])?", " ", text),
    )
    read_words = re.findall(r"[a-z]{2,}", " ".join(b.text for b in parse_latex(text).blocks))
    assert [word for word in wanted if word not in read_words] == []


@given(st.text(alphabet="\\{}[]$&%~ab \n_^()itembegnd", max_size=200))
def test_whatever_stands_there_is_read(text: str) -> None:
    parse_latex(text)
    plain_latex(text)


@pytest.mark.parametrize(
    "text", ["\\section{" * 3000, "{" * 5000, "\\begin{itemize}\\item " * 400, "$" * 4001]
)
def test_hostile_nesting_costs_that_file(text: str, tmp_path: Path) -> None:
    (tmp_path / "bad.tex").write_text(text)
    (tmp_path / "good.tex").write_text("Good words stand here.")
    found = read(tmp_path).knowledge_base
    assert "Good words stand here." in {s.text for topic in found.topics for s in topic.sections}


BIB = r"""
@string{nips = "NeurIPS"}
@article{vaswani2017,
  title = {Attention {Is} All You Need}, booktitle = nips, year = 2017,
  author = {Vaswani, Ashish and Shazeer, Noam and Parmar, Niki and Uszkoreit, Jakob},
  doi = {10.5555/1}, abstract = {The dominant models are \emph{complex}.},
  file = {Full Text PDF:files/12/paper.pdf:application/pdf;Other:../../etc/x.pdf:application/pdf}
}
@misc{erdos, title = {On {E}rd\H{o}s}, author = {Jane Doe and M{\"u}ller, Max}, date = {2020-01-02},
  eprint = {2001.00001}, archiveprefix = {arXiv}}
@misc{untitled, year = {2001}}
@book{broken, title = {Never
"""


def test_entries_are_works_and_their_files_are_cited_as_them(tmp_path: Path) -> None:
    (tmp_path / "lib.bib").write_text(BIB, encoding="utf-8")
    (tmp_path / "files" / "12").mkdir(parents=True)
    paper = pdf([[(50, 700, "The Transformer follows this overall architecture.")]])
    (tmp_path / "files" / "12" / "paper.pdf").write_bytes(paper)
    result = read(tmp_path, name="lib")
    by_title: dict[str, list[tuple[str, str, int | None]]] = {}
    for topic in result.knowledge_base.topics:
        (source,) = topic.sources
        by_title.setdefault(topic.title, []).append((source.label, source.url, source.year))
    work = ("Vaswani et al. (2017) — Attention Is All You Need", "https://doi.org/10.5555/1", 2017)
    assert by_title == {
        "Attention Is All You Need": [work, work],
        "On Erdős": [
            ("Doe and Müller (2020) — On Erdős", "https://arxiv.org/abs/2001.00001", 2020)
        ],
    }
    texts = {s.text: s.place for t in result.knowledge_base.topics for s in t.sections}
    assert texts["The Transformer follows this overall architecture."].page == 1
    assert any("The dominant models are complex." in text for text in texts)
    assert any("NeurIPS" in text for text in texts)
    told = "\n".join(map(str, result.problems))
    assert "untitled" in told
    assert "a BibTeX entry" in told


@given(st.text(alphabet='@{}=,"\\ \nabcmisctle#()', max_size=200))
def test_whatever_stands_in_a_bibliography(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "a.bib"
        place.write_text(text)
        with contextlib.suppress(KnowledgeBaseError):
            assert read(place).knowledge_base.topics
