"""What an audit finds, and what it leaves alone."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import index.audit
from index.audit import (
    Finding,
    Kind,
    Severity,
    as_json,
    as_text,
    at_least,
    audit,
)
from index.audit.arithmetic import miscomputed
from index.audit.expression import parse_side, tokenize
from index.audit.numbers import NUMBER, compatible, number_from
from index.audit.printed_units import UnitReading
from index.passages import passages_of
from index.types import DataPoint, Faq, KnowledgeBase, PassageKind, Source, Topic

VASWANI = Source(
    "v",
    "Vaswani et al. (2017) — Attention Is All You Need. NeurIPS 2017",
    "https://arxiv.org/abs/1706.03762",
    2017,
)
PLAIN = Topic(
    "plain",
    "Plain",
    "c",
    "A description.",
    "A snippet.",
    "2026-01-01",
    (VASWANI,),
    (),
    (Faq("What is this?", "A topic (Vaswani et al., 2017).", ("v",)),),
)


def _base(*topics: Topic) -> KnowledgeBase:
    return KnowledgeBase("kb", topics)


def _audit_text(text: str) -> list[Finding]:
    return audit(_base(replace(PLAIN, snippet=text)))


def _audit_point(*points: DataPoint) -> list[Finding]:
    return audit(_base(replace(PLAIN, data_points=points)))


def _kinds(findings: list[Finding]) -> list[Kind]:
    return [finding.kind for finding in findings]


def test_the_public_names_are_those_exported() -> None:
    assert sorted(index.audit.__all__) == [
        "Finding", "Kind", "Severity", "as_json", "as_text", "at_least", "audit",
    ]  # fmt: skip


def test_a_clean_knowledge_base_is_silent() -> None:
    assert audit(_base(PLAIN)) == []


class TestNumbers:
    @pytest.mark.parametrize(
        ("text", "value", "step", "counted"),
        [
            ("1,024", 1024, 1, True),
            ("3.14×10²³", 3.14e23, 1e21, False),
            ("5 × 10^{-3}", 5e-3, 1e-3, False),
            ("175B", 175e9, 1e9, False),
            ("1.4 trillion", 1.4e12, 1e11, False),
            ("1e-8", 1e-8, 1e-8, False),
            ("130,000", 130_000, 10_000, True),
            ("2.10", 2.1, 0.01, False),
        ],
    )
    def test_forms(self, text: str, value: float, step: float, counted: bool) -> None:
        match = NUMBER.fullmatch(text)
        assert match is not None
        number = number_from(match)
        assert number.value == pytest.approx(value)
        assert number.step == pytest.approx(step)
        assert number.counted is counted

    def test_roundings_are_compatible(self) -> None:
        def of(text: str) -> bool:
            a, b = (number_from(m) for m in NUMBER.finditer(text))
            return compatible(a, b)

        assert of("2.1 2.147")
        assert of("175B 174.6B")
        assert not of("64M 65M")
        assert not of("28.4 27.3")


class TestExpressions:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("2 × 3 + 4", 10),
            ("2 + 3 × 4", 14),
            ("(2 + 3) × 4", 20),
            ("12 / 4 / 3", 1),
            ("2^10", 1024),
            ("2³ × 10⁻²", 0.08),
            ("√64 + 1", 9),
            ("2π", 6.283185),
            ("10 − 3 − 2", 5),
            ("8 heads × 6 encoder layers", 48),
            ("786,432 (input projections) + 262,144", 1_048_576),
            ("2 per encoder layer × 6 + 3 per decoder layer × 6", 30),
            ("70B params × 1.4T tokens × 6", 5.88e23),
            ("50%", 0.5),
            ("3 GB", 3e9),
            ("312 TFLOPS", 312e12),
        ],
    )
    def test_values(self, text: str, value: float) -> None:
        tokens = tokenize(text)
        side = parse_side(tokens, 0, {})
        assert side is not None
        assert side.end == len(tokens)
        assert side.readings[UnitReading()].value == pytest.approx(value)

    @pytest.mark.parametrize(
        "text", ["×", "N", "2 ×", "(2", "1 / 0", "9^9^9^9", "√(1 − 2)", "(" * 99]
    )
    def test_what_is_no_expression(self, text: str) -> None:
        side = parse_side(tokenize(text), 0, {})
        assert side is None or side.end < len(tokenize(text))

    @given(
        st.text(st.sampled_from(list("0123456789 .,×*/+−-^√π()[]{}=≈%eKMBT²³⁻axGB~–")), max_size=40)
    )
    def test_no_text_crashes_an_audit(self, text: str) -> None:
        audit(_base(replace(PLAIN, snippet=text, data_points=(DataPoint("L", text + "1", text),))))


class TestArithmetic:
    @pytest.mark.parametrize(
        "text",
        [
            "2 × 32 × 32 × 128 × 4096 × 2 = 536,870,912 bytes ≈ 536 MB",
            "The share is 25.2M / 65M = 57%.",
            "It takes 6 × 175B × 300B = 3.15 × 10²⁴ FLOPs.",
            "That is 30 × 2 × 512 = 49,152 parameters.",
            "In all 12 + 6 + 3 = 20 layers.",
            "With 7B × 2 bytes = 28 GB of weights.",
            "So 2^16 = 65,535 codes.",
        ],
    )
    def test_wrong_results_are_found(self, text: str) -> None:
        found = _audit_text(text)
        assert _kinds(found) == [Kind.ARITHMETIC_RESULT]
        assert found[0].place == "plain/snippet"

    @pytest.mark.parametrize(
        "text",
        [
            "2 × 32 × 32 × 128 × 4096 × 2 bytes = 2,147,483,648 bytes ≈ 2.15 GB",
            "2 × 32 × 32 × 128 × 4096 × 2 bytes = 2 GiB",
            "32K × 32K × 2 bytes ≈ 2GB per head",
            "8 heads × 6 encoder layers = 48 encoder attention heads",
            "factor 6 = 2 (forward) + 4 (backward)",
            "~20× N = 20 × 70B = 1.4T tokens",
            "70B params × 1.4T tokens × 6 ≈ 5.9×10²³",
            "3.14×10²³ FLOPs / (312×10¹² FLOPs/s × 86,400 s/day) ≈ 11,600 A100-days",
            "d_k = d_v = d_model/h = 512/8 = 64",
            "a probability of 1/35 ≈ 2.9% for the token",
            "each token activates 2/64 ≈ 3% of the parameters",
            "10000 · 2π ≈ 62,832 tokens",
            "d_ff=2048 (4× d_model=512)",
            "50,257 × 512 = 25.7M parameters",
            "the network is 4× larger = better",
            "y = 2x + 3, GELU(0) = 0, PE(pos, 0) = sin(pos)",
            "1,000 English words ≈ 1,300 tokens",
            "C = 6·N·D and N = 3",
            "e^0=1 and 2N = 8",
            "300B/3.2M ≈ 93,750 steps",
            "90 minutes = 1.5 hours",
            "40 days × 24 hours = 960 hours",
            "7B × 4 bits = 3.5 GB",
            "k = 4–5 beams, p = 0.9–0.95",
            "from 18% to 57% (+39 points)",
            "rose 50% → 75% (+50%)",
        ],
    )
    def test_right_results_are_left_alone(self, text: str) -> None:
        assert _audit_text(text) == []

    @given(
        st.integers(2, 999),
        st.integers(2, 99),
        st.sampled_from("GB MB GiB bytes TFLOPs hours days ms % GPUs tokens".split()),
        st.sampled_from(
            ["{a} × {b} = {c} {unit}", "{a} {unit} × {b} = {c} {unit}", "{a} * {b} = {c} {unit}"]
        ),
        st.integers(0, 9),
    )
    def test_a_single_unit_is_that_of_every_figure(
        self, a: int, b: int, unit: str, form: str, off: int
    ) -> None:
        text = form.format(a=a, b=b, c=a * b + off, unit=unit)
        point = DataPoint("All of it", text)
        passages = passages_of(replace(PLAIN, data_points=(point,)))
        (passage,) = (each for each in passages if each.kind is PassageKind.DATA)
        found = miscomputed(passage)
        assert bool(found) == (off != 0)
        for wrong in found:
            assert wrong.stated == f"{a * b + off} {unit}"
            assert float(re.sub(r"[^\d.]", "", wrong.worked)) == pytest.approx(a * b, rel=1e-3)

    def test_a_variable_with_one_value_is_put_in(self) -> None:
        text = "With d_model=512 each is 10000^{2/d_model} ≈ 1.044× longer."
        assert _kinds(_audit_text(text)) == [Kind.ARITHMETIC_RESULT]
        assert _audit_text(text.replace("1.044", "1.037")) == []
        assert _audit_text(text + " Elsewhere d_model=1024.") == []

    def test_differences(self) -> None:
        found = _audit_text("Accuracy went from 18% to 57% (+49 percentage points).")
        assert _kinds(found) == [Kind.ARITHMETIC_DIFFERENCE]

    def test_shares_of_a_whole(self) -> None:
        mix = DataPoint("Composition of the data", "60% web, 22% books, 16% wiki")
        assert _kinds(_audit_point(mix)) == [Kind.ARITHMETIC_SHARES]
        assert _audit_point(replace(mix, value="60% web, 24% books, 16% wiki")) == []
        assert _audit_point(replace(mix, label="Accuracies")) == []

    def test_a_part_of_a_whole(self) -> None:
        point = DataPoint(
            "Trainable share", "~0.01%", "of the model", "4.7M trainable vs 175B total"
        )
        assert _kinds(_audit_point(point)) == [Kind.ARITHMETIC_RESULT]
        assert _audit_point(replace(point, value="0.0027%")) == []
        smaller = DataPoint("Size", "40%", "smaller", "66M parameters vs 110M")
        assert _audit_point(smaller) == []


CACHE = DataPoint("KV cache (32 layers, 32 heads, d_head=128, 4096 tokens, fp16)", "2.1", "GB")


class TestConflicts:
    def test_one_configuration_with_two_sizes(self) -> None:
        text = (
            "The KV cache of a 32-layer, 32-head, d_head=128 model at 4K tokens is ~536 MB at fp16."
        )
        found = audit(
            _base(replace(PLAIN, data_points=(CACHE,)), replace(PLAIN, slug="other", snippet=text))
        )
        assert _kinds(at_least(found, Severity.ERROR)) == [Kind.CONFLICT_VALUE]
        assert found[0].place == "plain/data/0.value" or found[0].place == "other/snippet"
        right = text.replace("536 MB", "2.15 GB")
        assert not at_least(
            audit(
                _base(replace(PLAIN, data_points=(CACHE,)), replace(PLAIN, slug="b", snippet=right))
            ),
            Severity.ERROR,
        )

    def test_two_counts_of_one_model(self) -> None:
        said = (
            "The original transformer has 6 encoder and 6 decoder layers, d_model=512, "
            "8 heads and {} parameters."
        )
        topic = replace(PLAIN, description=said.format("~65M"), snippet=said.format("64M"))
        assert _kinds(audit(_base(topic))) == [Kind.CONFLICT_VALUE]
        assert audit(_base(replace(topic, snippet=said.format("65M")))) == []

    def test_a_result_of_another_model(self) -> None:
        points = (
            DataPoint("WMT EN-DE BLEU (base model)", "27.3", "BLEU"),
            DataPoint("WMT EN-DE BLEU (big model)", "28.4", "BLEU"),
        )
        wrong = "The base model achieves 28.4 BLEU on WMT EN-DE."
        # Words are only telling where most texts don't have them.
        others = tuple(
            replace(PLAIN, slug=f"t{i}", snippet=f"Of {i} tokens and {i} steps.")
            for i in range(2, 60)
        )
        found = audit(_base(replace(PLAIN, data_points=points, snippet=wrong), *others))
        kinds = {f.kind for f in found if f.place.startswith("plain/")}
        assert kinds == {Kind.CONFLICT_VALUE, Kind.CONFLICT_CREDIT}
        right = wrong.replace("base", "big")
        found = audit(_base(replace(PLAIN, data_points=points, snippet=right), *others))
        assert not [f for f in found if f.kind.startswith("conflict")]

    def test_a_value_and_its_own_note(self) -> None:
        point = DataPoint("Gain", "+10.2%", "accuracy", "70.9% vs 69.3% (+1.6%) on 5-shot MMLU")
        assert _kinds(_audit_point(point)) == [Kind.CONFLICT_VALUE]
        assert _audit_point(replace(point, value="+1.6%")) == []

    def test_figures_in_a_list_are_no_conflict(self) -> None:
        text = "One head scores 24.9 BLEU, 4 heads score 25.5 BLEU and 8 heads score 25.8 BLEU."
        point = DataPoint("BLEU with 16 heads", "25.8", "BLEU")
        assert audit(_base(replace(PLAIN, snippet=text, data_points=(point,)))) == []


def _sources(*sources: Source) -> KnowledgeBase:
    return _base(
        *(
            replace(PLAIN, slug=f"t{i}", faqs=(Faq(f"Q{i}?", "A", (s.id,)),), sources=(s,))
            for i, s in enumerate(sources)
        )
    )


class TestReferences:
    def test_a_work_that_is_not_listed(self) -> None:
        found = _audit_text("Perez et al. (2022) say so, and Perez et al. (2022) again.")
        assert _kinds(found) == [Kind.REFERENCE_UNSOURCED]
        assert found[0].severity is Severity.WARNING
        assert _audit_text("However, Vaswani et al. (NeurIPS 2017) say so.") == []
        assert _audit_text("BERT (2019) and GPT-3 in May (2020) did so.") == []

    def test_a_year_that_is_not_the_listed_one(self) -> None:
        assert _kinds(_audit_text("Vaswani et al. (2018) say so.")) == [Kind.CONFLICT_PAPER]

    def test_a_source_that_nobody_cites(self) -> None:
        other = Source("o", "Other (2020) — A Paper. ACL 2020", "https://x.org", 2020)
        found = audit(_base(replace(PLAIN, sources=(VASWANI, other))))
        assert _kinds(found) == [Kind.REFERENCE_UNUSED]
        assert found[0].severity is Severity.NOTE

    def test_one_address_with_several_labels(self) -> None:
        short = replace(VASWANI, label="Vaswani et al. (2017) — Attention Is All You Need. arXiv")
        other = replace(VASWANI, label="Vaswani et al. (2017) — Carbon and the Cloud. Nature")
        year = replace(VASWANI, label=VASWANI.label.replace("2017", "2018"), year=2018)
        assert _kinds(audit(_sources(VASWANI, short))) == [Kind.REFERENCE_LABELS]
        assert _kinds(audit(_sources(VASWANI, other))) == [Kind.CONFLICT_PAPER]
        assert _kinds(audit(_sources(VASWANI, year))) == [Kind.CONFLICT_PAPER]

    def test_one_title_with_two_years(self) -> None:
        moved = Source("v", VASWANI.label.replace("2017", "2019"), "https://x.org", 2019)
        assert _kinds(audit(_sources(VASWANI, moved))) == [Kind.CONFLICT_PAPER]
        label = "Wikipedia (2025) — Attention Is All You Need. Wikipedia"
        article = Source("w", label, "https://x.org", 2025)
        assert audit(_sources(VASWANI, article)) == []

    @pytest.mark.parametrize(
        ("label", "number", "wrong"),
        [
            ("Penedo et al. (2023) — FineWeb. arXiv", "2406.17557", True),
            ("Leike et al. (2018) — AI Safety Gridworlds. arXiv", "1711.09883", True),
            ("Bahdanau et al. (2015) — Neural MT. ICLR 2015", "1409.0473", False),
            ("Gao et al. (2020) — The Pile. arXiv", "2101.00027", False),
            ("Someone (2018) — December. arXiv", "1712.00001", False),
            ("Su et al. (2024) — RoFormer. Neurocomputing", "2104.09864", False),
        ],
    )
    def test_arxiv_ids_and_years(self, label: str, number: str, wrong: bool) -> None:
        source = Source("s", label, f"https://arxiv.org/abs/{number}")
        expected = [Kind.REFERENCE_YEAR] if wrong else []
        assert _kinds(audit(_sources(source))) == expected

    def test_links(self) -> None:
        assert (
            _audit_text("See [this](/ai/plain), [that](https://x.org) and [it](plain.yaml#a).")
            == []
        )
        assert _kinds(_audit_text("See [this](/ai/missing).")) == [Kind.REFERENCE_LINK]


class TestForm:
    @pytest.mark.parametrize(
        ("value", "unit", "wrong"),
        [
            ("44.5%", "% accuracy", True),
            ("+1.5–2.0 BLEU", "BLEU points", True),
            ("5 tools", "tool types", True),
            ("~67%", "percent", True),
            ("4–14× higher", "× rate", True),
            ("44.5%", "accuracy", False),
            ("3 × 10¹⁸", "× cost", False),
            ("12 hours", "", False),
            ("k = 100 documents", "passages", False),
        ],
    )
    def test_doubled_units(self, value: str, unit: str, wrong: bool) -> None:
        expected = [Kind.FORM_DOUBLED_UNIT] if wrong else []
        assert _kinds(_audit_point(DataPoint("L", value, unit))) == expected

    def test_missing_units_are_noted(self) -> None:
        found = _audit_point(DataPoint("Size", "50,257"), DataPoint("β₁", "0.9"))
        assert [(f.kind, f.severity) for f in found] == [(Kind.FORM_MISSING_UNIT, Severity.NOTE)]

    def test_empty_fields(self) -> None:
        found = audit(_base(replace(PLAIN, description="", snippet="", category="", faqs=())))
        assert {f.place: f.severity for f in found if f.kind is Kind.FORM_EMPTY} == {
            "plain/description": Severity.WARNING,
            "plain/snippet": Severity.WARNING,
            "plain/category": Severity.NOTE,
            "plain/faqs": Severity.WARNING,
        }

    def test_questions_asked_twice(self) -> None:
        first = Faq("How does beam search work for translation?", "A", ("v",), ("beam search",))
        again = Faq("How does beam search work in translation?", "B", ("v",), ("Beam search?",))
        found = audit(_base(replace(PLAIN, faqs=(first, again))))
        assert _kinds(found) == [Kind.FORM_DUPLICATE] * 2
        assert {f.place for f in found} == {"plain/faq/1.question", "plain/faq/1.also_asked/0"}

    @pytest.mark.parametrize(
        ("text", "wrong"),
        [
            ("between 20–5% of it", True),
            ("from 8–13B parameters", False),
            ("900M–1B parameters", False),
            ("in 1998–99", False),
            ("GPT-3–2 and 2020-01-15", False),
        ],
    )
    def test_ranges(self, text: str, wrong: bool) -> None:
        assert _kinds(_audit_text(text)) == ([Kind.FORM_RANGE] if wrong else [])


class TestRendering:
    FINDINGS = (
        Finding(Kind.ARITHMETIC_RESULT, Severity.ERROR, "a/faq/0.answer", "m «é»", "r"),
        Finding(Kind.FORM_EMPTY, Severity.NOTE, "b/snippet", "n", "s"),
    )

    def test_text(self) -> None:
        lines = as_text(self.FINDINGS).splitlines()
        assert lines[0] == "error: a/faq/0.answer: m «é» [arithmetic/result]"
        assert lines[-1] == "1 errors, 0 warnings, 1 notes"

    def test_json(self) -> None:
        document = json.loads(as_json(self.FINDINGS))
        assert document["counts"] == {"errors": 1, "warnings": 0, "notes": 1}
        assert document["findings"][1] == {
            "kind": "form/empty",
            "severity": "note",
            "place": "b/snippet",
            "message": "n",
            "reason": "s",
        }

    def test_severities_are_ordered(self) -> None:
        assert at_least(list(self.FINDINGS), Severity.WARNING) == [self.FINDINGS[0]]
        assert at_least(list(self.FINDINGS), Severity.NOTE) == list(self.FINDINGS)
        assert [
            f.severity for f in audit(_base(replace(PLAIN, category="", snippet="1 + 1 = 3")))
        ] == [
            Severity.ERROR,
            Severity.NOTE,
        ]
