"""From samples to scores, summaries, comparisons, limits and pages."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from eval import gate as gating
from eval.compare import compare, markdown
from eval.errors import EvaluationError
from eval.report import markdown as tables
from eval.report import page, versus
from eval.samples import Output
from eval.scoring import Scored, score, statements_of
from eval.summary import estimate, summarize
from tests.eval.helpers import case, output, sample

HEADER = {
    "target": {"target": "product", "model": "m", "answer_mode": "compose"}, "command": "made",
    "git_commit": "abc", "git_dirty": False, "split": "dev", "opened_sealed": False,
}  # fmt: skip
WRONG = output("It takes 9 GB [1].", claims=())
ABSTAINED = output("I can't answer that.", abstained=True, claims=(), citations=())


def test_a_right_answer() -> None:
    scores = score(sample()).scores
    for name in (
        "right", "truthfulness", "vital_recall", "number_recall", "citation_recall",
        "citation_precision", "valid_ids", "exact_quotes", "numbers_grounded", "success@1", "mrr",
    ):  # fmt: skip
        assert scores[name] == 1.0, name


def test_a_wrong_answer() -> None:
    found = score(sample(answer=WRONG))
    assert found.wrong
    assert found.scores["truthfulness"] == -1.0
    assert found.scores["citation_recall"] == 0.0
    assert found.scores["numbers_grounded"] == 0.0


def test_an_abstention_is_unscored_where_nothing_was_written() -> None:
    scores = score(sample(answer=ABSTAINED)).scores
    assert scores["truthfulness"] == 0.0
    assert scores["vital_recall"] == 0.0
    assert "citation_recall" not in scores
    unanswerable = case(answerable=False, gold=(), nuggets=(), numbers=())
    assert score(sample(unanswerable, ABSTAINED)).scores["truthfulness"] == 1.0
    assert score(sample(unanswerable)).scores["truthfulness"] == -1.0


def test_a_failure_scores_nothing_else() -> None:
    assert score(sample(error="ValueError: it broke")).scores == {"failed": 1.0}


def test_text_outside_claims_is_uncited() -> None:
    text = "A KV cache takes 2 GB [1]. Elephants are large grey mammals."
    claim = replace(output().claims[0], end=26)
    stated = statements_of(output(text, claims=(claim,)))
    assert [bool(s.premises) for s in stated] == [True, False]
    assert score(sample(answer=output(text, claims=(claim,)))).scores["citation_recall"] == 0.5


def test_without_claims_the_markers_count() -> None:
    text = "A KV cache takes 2 GB [1]. It has many attention heads."
    stated = statements_of(output(text, claims=()))
    assert [bool(s.premises) for s in stated] == [True, False]


def test_estimates() -> None:
    spread = estimate([1.0, 0.0, 1.0, 1.0], ["a", "b", "c", "d"])
    assert (spread.mean, spread.method) == (0.75, "wilson")
    assert estimate([1.0, 0.0, 1.0, 1.0], ["a", "a", "b", "b"]).method == "cluster bootstrap"
    # all right in two topics is no certainty
    assert estimate([1.0] * 10, ["a"] * 5 + ["b"] * 5).low == pytest.approx(0.3424, abs=1e-4)


def test_verbatim_is_in_no_headline() -> None:
    scored = [
        score(sample(case("a"))),
        score(sample(case("b", slice="verbatim"), WRONG)),
    ]
    summary = summarize(scored)
    assert summary.estimates["all"]["right"].n == 1
    assert summary.estimates["verbatim"]["right"].mean == 0.0
    assert "verbatim" not in summarize(scored[:1]).estimates


def test_set_metrics_and_curves() -> None:
    scored = []
    for i in range(8):
        scored.append(score(sample(case(f"a{i}", topic=f"t{i}"), output(confidence=0.8))))
        no = case(f"u{i}", topic=f"t{i}", answerable=False, gold=(), nuggets=(), numbers=())
        scored.append(score(sample(no, replace(ABSTAINED, confidence=0.2))))
    found = summarize(scored).estimates["all"]
    assert found["abstention_precision"].mean == 1.0
    assert found["abstention_recall"].mean == 1.0
    assert found["answerable_auroc"].mean == 1.0
    # right at 0.8, and wrong at 0.2 where it can't be answered, whatever was said
    assert found["area_under_risk_coverage"].mean == pytest.approx(
        sum((i - 8) / i for i in range(9, 17)) / 16
    )
    assert found["calibration_error"].mean == pytest.approx(0.2)
    assert summarize(scored).curves["risk_coverage"][-1] == (1.0, 0.5)


def test_persona_invariance_is_over_the_same_case() -> None:
    scored = [score(sample(persona="a")), score(sample(persona="b", answer=WRONG))]
    assert summarize(scored).estimates["all"]["persona_invariance"].mean == 0.0


def test_samples_of_one_question_count_once_and_their_agreement_is_told() -> None:
    good, bad = (
        replace(each, completion_tokens=9, sampling={"temperature": 0.3})
        for each in (output(), WRONG)
    )
    scored = [
        score(sample(case("a"), answer, repeat=r, key=f"a{r}"))
        for r, answer in enumerate((good, good, bad))
    ]
    scored.append(score(sample(case("b", topic="t"), good)))
    found = summarize(scored)
    assert found.estimates["all"]["right"].n == 2
    assert found.estimates["all"]["right"].mean == pytest.approx((2 / 3 + 1) / 2)
    assert found.estimates["all"]["sample_agreement"].mean == pytest.approx(1 / 3)
    assert found.counts["samples_a_question"] == 3
    assert "--repeats 3" not in tables.one_run(HEADER, found)
    once = summarize(scored[-1:])
    assert once.counts["sampled"] == 1
    assert "--repeats 3" in tables.one_run(HEADER, once)


def test_compare_finds_wins_and_losses() -> None:
    a = [score(sample(case(f"c{i}", topic=f"t{i}"), WRONG)) for i in range(8)]
    b = [score(sample(case(f"c{i}", topic=f"t{i}"))) for i in range(8)]
    found = compare(a, b)
    right = found.results["right"]["paraphrase"]
    assert (right.difference, right.wins, right.losses) == (1.0, 8, 0)
    assert right.p == pytest.approx(2 / 256)
    assert len(found.wins) == 8
    assert "B wins: 8" in markdown(found, ("a", "b"))
    assert "- c0: how big is it? (c0)" in markdown(found, ("a", "b"))
    text = versus.render(found, ("a <1>", "b"), a, b)
    assert "a &lt;1&gt;" in text
    assert text.count("It takes 9 GB") == 8
    assert "default-src 'none'" in text
    with pytest.raises(EvaluationError, match="share no scored case"):
        compare(a, [score(sample(case("other")))])


def _baseline(tmp_path: Path, scored: list[Scored]) -> gating.Baseline:
    path = tmp_path / "baseline.json"
    path.write_text(gating.baseline_text(HEADER, scored, "a test"))
    return gating.read_baseline(path)


def test_the_gate_passes_what_is_no_worse_and_stops_what_is(tmp_path: Path) -> None:
    good = [score(sample(case(f"c{i}", topic=f"t{i}"))) for i in range(12)]
    baseline = _baseline(tmp_path, good)
    assert {check.verdict for check in gating.gate(good, baseline)} == {"pass"}
    worse = [*good[:6], *(score(sample(each.case, WRONG)) for each in good[6:])]
    verdicts = {check.name: check.verdict for check in gating.gate(worse, baseline)}
    assert verdicts["right"] == "fail"
    assert verdicts["numbers_grounded"] == "fail"
    assert verdicts["success@1"] == "pass"


@pytest.mark.parametrize(
    ("name", "bad", "metric"),
    [
        ("conflict", output(), "conflict conflict_reported"),
        ("counterfactual", WRONG, "counterfactual follow_through"),
    ],
)
def test_what_a_slice_was_made_for_has_a_hard_limit(name: str, bad: Output, metric: str) -> None:
    good = output(conflicts=(("2 GB", "3 GB"),))
    asked = [case(f"c{i}", slice=name, forbidden=("9 GB",)) for i in range(10)]
    scored = [score(sample(each, good)) for each in asked]
    assert {c.name: c.verdict for c in gating.gate(scored, None)}[metric] == "pass"
    worse = [score(sample(each, bad)) for each in asked[:5]] + scored[5:]
    assert {c.name: c.verdict for c in gating.gate(worse, None)}[metric] == "fail"


def test_a_small_drop_in_a_small_run_is_undecided(tmp_path: Path) -> None:
    good = [score(sample(case(f"c{i}", topic=f"t{i}"))) for i in range(60)]
    baseline = _baseline(tmp_path, good)
    one = [*good[:-1], score(sample(good[-1].case, WRONG))]
    verdicts = {check.name: check.verdict for check in gating.gate(one, baseline)}
    assert verdicts["right"] == "undecided"


def test_a_baseline_of_other_cases_is_refused(tmp_path: Path) -> None:
    baseline = _baseline(tmp_path, [score(sample(case("other")))])
    with pytest.raises(EvaluationError, match="none of this run's cases"):
        gating.gate([score(sample())], baseline)
    with pytest.raises(EvaluationError, match="--update"):
        gating.read_baseline(tmp_path / "missing.json")


def test_the_page_is_whole_and_escapes_what_it_shows() -> None:
    attack = case("c-2", question="<script>alert(1)</script>")
    scored = [score(sample()), score(sample(attack, WRONG)), score(sample(case("e"), error="x"))]
    text = page.render([("run", HEADER, scored, summarize(scored))])
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert "http://" not in text
    assert "https://" not in text.replace("https://x", "")
    assert text.count("<svg") >= 3
    assert "2 wrong or failed" in text


def test_markdown_marks_what_is_unscored() -> None:
    unanswerable = case("u", slice="unanswerable", answerable=False, gold=(), nuggets=())
    scored = [score(sample()), score(sample(unanswerable, ABSTAINED))]
    text = tables.several([("run", HEADER, summarize(scored)), ("two", HEADER, summarize(scored))])
    assert "| unanswerable | 1 | – |" in text
    assert "over all slices but verbatim | run | two" in text
    json.dumps(summarize(scored).as_dict())
