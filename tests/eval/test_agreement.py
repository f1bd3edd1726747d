"""Agreement with hand labels: worked out by hand and against scikit-learn; the shipped claims."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.verifying.supports import LexicalVerifier
from eval import calibration
from eval.__main__ import main
from eval.claims import CLAIMS, LABELS, LabelledClaim, passage_of, passages_in, read_claims
from eval.claims import rendered_claims_schema as rendered
from eval.errors import SuiteError
from eval.metrics import agreement
from index.sources import SHIPPED, read
from index.types import Passage

TRUTH = ["yes", "yes", "yes", "no", "no", "no", "no", "no"]
SAID = ["yes", "yes", "no", "no", "no", "no", "yes", "no"]


@pytest.fixture(scope="module")
def passages() -> dict[str, Passage]:
    return passages_in(read(SHIPPED).knowledge_base)


def test_by_hand() -> None:
    assert agreement.accuracy(TRUTH, SAID) == 0.75
    # chance: 3/8 · 3/8 + 5/8 · 5/8 = 34/64
    assert agreement.kappa(TRUTH, SAID) == pytest.approx((0.75 - 34 / 64) / (1 - 34 / 64))
    assert agreement.precision_counts(TRUTH, SAID, "yes") == (2, 3)
    assert agreement.recall_counts(TRUTH, SAID, "yes") == (2, 3)
    assert agreement.recall_counts(TRUTH, SAID, "no") == (4, 5)
    assert agreement.confusion(TRUTH, SAID) == {
        ("yes", "yes"): 2, ("yes", "no"): 1, ("no", "no"): 4, ("no", "yes"): 1,
    }  # fmt: skip


def test_nothing_is_unscored() -> None:
    assert agreement.accuracy([], []) is None
    assert agreement.kappa([], []) is None
    assert agreement.kappa(["yes", "yes"], ["yes", "yes"]) is None


@pytest.mark.real
@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1))
def test_kappa_is_scikit_learns(pairs: list[tuple[str, str]]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    truth, said = [a for a, _ in pairs], [b for _, b in pairs]
    ours = agreement.kappa(truth, said)
    if ours is None:
        assert len({*truth, *said}) == 1
        return
    assert ours == pytest.approx(metrics.cohen_kappa_score(truth, said))
    assert agreement.accuracy(truth, said) == pytest.approx(metrics.accuracy_score(truth, said))


class TestShippedClaims:
    def test_they_follow_the_published_schema(self) -> None:
        schema = CLAIMS.with_name("schema.json").read_text(encoding="utf-8")
        assert schema == rendered(), "write it anew with: python -m eval make --seal"
        validator = jsonschema.Draft202012Validator(json.loads(schema))
        for line in CLAIMS.read_text(encoding="utf-8").splitlines():
            validator.validate(json.loads(line))

    def test_there_are_a_hundred_over_most_topics_and_every_label(self) -> None:
        claims = read_claims()
        assert len(claims) >= 100
        assert len({claim.passage.split("/")[0] for claim in claims}) >= 45
        labels = Counter(claim.label for claim in claims)
        assert min(labels[label] for label in LABELS) >= 15
        assert {"answer", "written"} == {claim.origin for claim in claims}

    def test_each_was_read_beside_the_passage_as_it_is(self, passages: dict[str, Passage]) -> None:
        for claim in read_claims():
            assert passage_of(claim, passages).id == claim.passage

    def test_a_passage_that_was_edited_since_is_refused(self, passages: dict[str, Passage]) -> None:
        first = read_claims()[0]
        with pytest.raises(SuiteError, match="is gone"):
            passage_of(first, {})
        other = {first.passage: next(p for p in passages.values() if p.id != first.passage)}
        with pytest.raises(SuiteError, match="reads otherwise now"):
            passage_of(first, other)

    def test_verbatim_claims_stand_in_their_passage(self) -> None:
        verbatim = [claim for claim in read_claims() if claim.kind == "verbatim"]
        assert verbatim
        assert all(claim.claim in claim.text for claim in verbatim)


class TestCalibration:
    def test_a_perfect_and_a_blind_verifier(self) -> None:
        claims = read_claims()
        perfect = calibration.agreement("p", claims, {c.id: c.label for c in claims})
        assert (perfect.kappa, perfect.kappa_three, perfect.wrong) == (1.0, 1.0, [])
        assert perfect.precision.value == perfect.recall.value == 1.0
        blind = calibration.agreement("b", claims, {c.id: "supported" for c in claims})
        assert blind.kappa == 0.0
        assert blind.recall.value == 1.0
        borne = sum(claim.label == "supported" for claim in claims)
        assert (blind.precision.hits, blind.precision.n) == (borne, len(claims))
        assert blind.by_kind["swapped-number"].hits == 0

    def test_what_is_unscored_is_counted_apart(self) -> None:
        claims = read_claims()
        said: dict[str, str | None] = {claim.id: claim.label for claim in claims}
        said[claims[0].id] = None
        found = calibration.agreement("j", claims, said)
        assert (found.unscored, found.n) == (1, len(claims) - 1)
        assert found.accuracy.value == 1.0

    def test_what_our_verifiers_are_good_at(self, passages: dict[str, Passage]) -> None:
        claims = read_claims()
        product = LexicalVerifier(lambda word: 3.0)
        for labels in (
            calibration.verifier_labels(claims, passages),
            calibration.product_labels(claims, passages, product),
        ):
            found = calibration.agreement("v", claims, labels)
            assert found.by_kind["verbatim"].value == 1.0
            assert found.by_kind["swapped-number"].hits >= 3
            assert found.by_kind["neighbour"].hits >= 6

    def test_the_command(self, shipped_index: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["calibrate", "--index", str(shipped_index)]) == 0
        printed = capsys.readouterr().out
        assert "| evaluation's verifier | " in printed
        assert "| swapped-relation |" in printed
        assert main(["calibrate", "--index", str(shipped_index), "--json"]) == 0
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert [each["name"] for each in found["agreements"]][1] == "product's verifier"
        assert found["judge"] is None

    def test_a_bad_file_is_one_line(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = tmp_path / "own.jsonl"
        path.write_text('{"id": "x"}\n')
        assert main(["calibrate", "--claims", str(path)]) == 2
        assert "own.jsonl:1: kind" in capsys.readouterr().err


def test_ids_are_unique(tmp_path: Path) -> None:
    line = CLAIMS.read_text(encoding="utf-8").splitlines()[0]
    path = tmp_path / "own.jsonl"
    path.write_text(f"{line}\n{line}\n", encoding="utf-8")
    with pytest.raises(SuiteError, match="twice"):
        read_claims(path)
    assert isinstance(read_claims()[0], LabelledClaim)
