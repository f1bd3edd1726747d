"""Runs for other tools: what those tools compute of them, or read in them, is what was meant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eval import exports, runner
from eval.__main__ import main
from eval.cases import EarlierMessage
from eval.samples import Ranked, Sample
from eval.scoring import Scored, score
from eval.summary import summarize
from tests.eval.helpers import case, output, sample

HEADER = {
    "target": {"target": "product", "model": "m"}, "command": "made", "git_commit": "abc",
    "git_dirty": False, "split": "dev", "opened_sealed": False,
    "plan": {"suite": "own", "personas": ["p"]}, "started": "2026-01-01T00:00:00+00:00",
    "versions": {"python": "3.11"},
}  # fmt: skip
DEPTH = 10


def _samples() -> list[Sample]:
    """Twelve cases with one to three gold passages at various ranks, some of them not found."""
    found = []
    for i in range(12):
        ranking = [f"t/faq/{(7 * i + 3 * j) % 23}" for j in range(DEPTH)]
        gold = tuple(
            dict.fromkeys([ranking[i % DEPTH], f"t/faq/{i}", f"missing/faq/{i}"][: 1 + i % 3])
        )
        hits = tuple(Ranked(ref, "t", 1 - rank / 20) for rank, ref in enumerate(ranking))
        asked = case(f"c-{i}", topic=f"t{i % 4}", gold=gold)
        found.append(sample(asked, output(hits=hits), at="2026-01-01T00:00:05+00:00"))
    return found


@pytest.fixture(scope="module")
def scored() -> list[Scored]:
    return [score(each) for each in _samples()]


def test_trec_files_give_our_own_figures(scored: list[Scored], tmp_path: Path) -> None:
    measures = pytest.importorskip("ir_measures")
    files = exports.export("trec", HEADER, scored, summarize(scored))
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    qrels = list(measures.read_trec_qrels(str(tmp_path / "qrels.txt")))
    run = list(measures.read_trec_run(str(tmp_path / "run.txt")))
    names = {
        "R@5": "recall@5", "R@10": "recall@10", "RR": "mrr", "nDCG@10": "ndcg@10",
        "Success@1": "success@1", "Success@5": "success@5",
    }  # fmt: skip
    asked = [measures.parse_measure(name) for name in names]
    theirs = {(str(m.measure), m.query_id): m.value for m in measures.iter_calc(asked, qrels, run)}
    assert len(theirs) == len(names) * len(scored)
    for each in scored:
        for name, ours in names.items():
            assert each.scores[ours] == pytest.approx(theirs[name, each.case.id]), (name, each.case)


def test_one_ranking_a_case_is_exported() -> None:
    twice = [score(sample(persona=persona, repeat=r)) for persona in "pq" for r in range(2)]
    files = exports.export("trec", HEADER, twice, summarize(twice))
    assert files["qrels.txt"] == "c-1 0 kv-cache/faq/1 1\n"
    assert len(files["run.txt"].splitlines()) == 2


def test_ragas_reads_its_data_set(scored: list[Scored], tmp_path: Path) -> None:
    talk = case("t", history=(EarlierMessage("user", "hello"), EarlierMessage("assistant", "hi")))
    rows = [*scored, score(sample(talk)), score(sample(case("f"), error="it broke"))]
    text = exports.export("ragas", HEADER, rows, summarize(rows))["ragas.jsonl"]
    found = [json.loads(line) for line in text.splitlines()]
    assert len(found) == len(scored) + 1
    assert found[-1]["user_input"].splitlines()[0] == "user: hello"
    assert found[0]["retrieved_contexts"] == ["How big?\nA KV cache takes 2 GB. It grows."]
    assert {type(row["reference"]) for row in found} == {str}
    ragas = pytest.importorskip("ragas.dataset_schema")
    place = tmp_path / "ragas.jsonl"
    place.write_text(text)
    read = ragas.EvaluationDataset.from_jsonl(place)
    assert read.samples[0].response == scored[0].sample.output.text
    assert read.get_sample_type() is ragas.SingleTurnSample


def test_an_inspect_log_has_every_score() -> None:
    repeated = [score(sample(case("c"), repeat=r, key=f"k{r}")) for r in range(2)]
    failed = score(sample(case("f"), error="it broke"))
    rows = [*repeated, failed]
    files = exports.export("inspect", HEADER, rows, summarize(rows))
    (name,) = (name for name in files if name != "dataset.jsonl")
    assert name.startswith("2026-01-01T00-00-00+00-00_citewise-own_")
    log = json.loads(files[name])
    assert [each["epoch"] for each in log["samples"]] == [1, 2, 1]
    assert log["eval"]["config"]["epochs"] == 2
    assert log["samples"][0]["scores"]["right"]["value"] == 1.0
    assert log["samples"][2]["error"]["message"] == "it broke"
    assert log["results"]["completed_samples"] == 2
    by_name = {each["name"]: each["metrics"] for each in log["results"]["scores"]}
    assert by_name["right"]["mean"]["value"] == 1.0
    dataset = [json.loads(line) for line in files["dataset.jsonl"].splitlines()]
    assert [row["id"] for row in dataset] == ["c", "f"]
    assert dataset[0]["input"] == [{"role": "user", "content": "how big is it? (c)"}]


def test_inspect_reads_its_log_and_data_set(scored: list[Scored], tmp_path: Path) -> None:
    inspect_log = pytest.importorskip("inspect_ai.log")
    analysis = pytest.importorskip("inspect_ai.analysis")
    datasets = pytest.importorskip("inspect_ai.dataset")

    for name, text in exports.export("inspect", HEADER, scored, summarize(scored)).items():
        (tmp_path / name).write_text(text)
    (listed,) = inspect_log.list_eval_logs(str(tmp_path))
    log = inspect_log.read_eval_log(listed)
    assert log.status == "success"
    assert log.samples[0].scores["right"].value == scored[0].scores["right"]
    assert {each.name for each in log.results.scores} >= {"right", "mrr"}
    assert len(analysis.samples_df(str(tmp_path))) == len(scored)
    data = datasets.json_dataset(str(tmp_path / "dataset.jsonl"))
    assert [each.id for each in data] == [each.case.id for each in scored]


@pytest.mark.parametrize("form", list(exports.FORMATS))
def test_the_command(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runner.open_run(tmp_path / "run", HEADER)
    lines = (json.dumps(each.as_dict()) + "\n" for each in _samples())
    (tmp_path / "run" / runner.SAMPLES).write_text("".join(lines))
    assert main(["export", str(tmp_path / "run"), "--format", form]) == 0
    written = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert written
    assert all(path.stat().st_size > 100 and path.parent.name == form for path in written)
