"""The command as people and CI run it: the live smoke over the real index, and its complaints."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from eval import commands
from eval.__main__ import main
from eval.gate import HARD
from eval.provenance import ROOT

BASELINES = ROOT / "eval" / "baselines"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "_cache_folder", lambda: tmp_path / "cache")


@pytest.fixture(scope="module")
def smoke(tmp_path_factory: pytest.TempPathFactory, shipped_index: Path) -> Path:
    """Forty questions, composed from the real index."""
    out = tmp_path_factory.mktemp("smoke") / "run"
    index = ["--index", str(shipped_index), "--no-cache"]
    assert main(["run", "smoke", "--baseline", "composed", "--out", str(out), *index]) == 0
    return out


def test_the_smoke_run_keeps_every_promise(smoke: Path) -> None:
    summary = json.loads((smoke / "summary.json").read_text())
    assert summary["counts"] == {
        "samples": 40.0, "samples_a_question": 1.0, "sampled": 0.0, "failed": 0.0,
        "completion_tokens_p50": 0.0, "completion_tokens_total": 0.0,
    }  # fmt: skip
    found = summary["estimates"]["all"]
    for name, limit in HARD.items():
        if name in found:
            assert found[name]["mean"] >= limit, name
    assert found["success@5"]["mean"] > 0.8
    assert found["truthfulness"]["mean"] > 0.2


def test_the_header_says_where_it_comes_from(smoke: Path) -> None:
    header = json.loads((smoke / "run.json").read_text())
    assert len(header["git_commit"]) in (7, 40)
    assert not header["opened_sealed"]
    assert header["target"]["index_fingerprint"]
    assert header["target"]["encoder"]["weights_sha256"]
    assert header["plan"]["seed"] == 0


def test_the_gate_holds_the_smoke_run_against_the_committed_baseline(
    smoke: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["gate", str(smoke), "--baseline", str(BASELINES / "composed.json")])
    assert status == 0, capsys.readouterr().out


def test_retrieval_is_no_worse_than_the_committed_baseline(
    tmp_path: Path, shipped_index: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, index = tmp_path / "run", str(shipped_index)
    assert main(["run", "smoke", "--retrieval-only", "--out", str(out), "--index", index]) == 0
    status = main(["gate", str(out), "--baseline", str(BASELINES / "retrieval.json")])
    assert status == 0, capsys.readouterr().out


def test_reports_are_written_and_the_run_resumes(
    smoke: Path, tmp_path: Path, shipped_index: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["report", str(smoke), "--out", str(tmp_path)]) == 0
    assert "| paraphrase |" in capsys.readouterr().out
    page = (tmp_path / "report.html").read_text()
    assert "default-src 'none'" in page
    assert json.loads((tmp_path / "report.json").read_text())[str(smoke)]["summary"]
    again = ["run", "smoke", "--baseline", "composed", "--out", str(smoke), "--no-cache"]
    assert main([*again, "--index", str(shipped_index)]) == 0
    assert "0 asked (0 from the cache), 40 kept" in capsys.readouterr().err
    assert main(["compare", str(smoke), str(smoke), "--json"]) == 0
    compared = json.loads(capsys.readouterr().out)
    assert compared["results"]["right"]["all"]["difference"] == 0.0
    assert compared["results"]["right"]["all"]["detectable"] is None
    won = tmp_path / "won.html"
    assert main(["compare", str(smoke), str(smoke), "--page", str(won)]) == 0
    assert "B wins: 0" in won.read_text()
    trec = tmp_path / "trec"
    assert main(["export", str(smoke), "--format", "trec", "--out", str(trec)]) == 0
    assert len((trec / "qrels.txt").read_text().split("\n")) > 32


def test_similarity_with_references_is_measured_once_and_kept(
    smoke: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["score", str(smoke), "--embeddings", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["estimates"]["all"]["embedding_f1"]
    assert 0.3 < found["mean"] < 1
    assert main(["score", str(smoke), "--json"]) == 0
    again = json.loads(capsys.readouterr().out)["estimates"]["all"]["embedding_f1"]
    assert again == found


@pytest.mark.slow
@pytest.mark.parametrize("suite", ["conflict", "counterfactual"])
def test_answers_follow_the_knowledge_base_when_it_changes(
    suite: str, tmp_path: Path, shipped_index: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """The derived suites, whole, over indexes made for them; the gate has a limit for each."""
    monkeypatch.setenv("CITEWISE_CACHE", str(tmp_path / "cache"))
    out = ["--out", str(tmp_path / "run"), "--index", str(shipped_index)]
    every = ["--split", "all", "--open-sealed"]
    assert main(["run", suite, "--baseline", "composed", *every, *out]) == 0
    assert main(["gate", str(tmp_path / "run")]) == 0, capsys.readouterr().out
    assert suite in capsys.readouterr().out


def test_suites_are_derived_from_any_knowledge_base(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tower = ROOT / "tests" / "data" / "tower-sample.json"
    assert main(["make", "--kb", str(tower), "--out", str(tmp_path), "--json"]) == 0
    cases = json.loads(capsys.readouterr().out)["cases"]
    assert cases["verbatim"] == len((tmp_path / "verbatim.jsonl").read_text().splitlines()) > 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "no-such-suite"], "no suite 'no-such-suite'"),
        (["run", "smoke", "--slice", "verbatim"], "no slice verbatim"),
        (["run", "smoke", "--split", "sealed"], "--open-sealed"),
        (["run", "smoke", "--target", "http://x/v1", "--retrieval-only"], "can't be combined"),
        (["run", "smoke", "--target", "http://x/v1", "--key-env", "NO_SUCH"], "NO_SUCH"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 2
    errors = capsys.readouterr().err
    assert said in errors
    assert "Traceback" not in errors


def test_an_unknown_persona_is_refused_before_anything_is_asked(
    shipped_index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--persona", "poet", "--index", str(shipped_index), "--out", str(tmp_path / "out")]
    assert main(["run", "smoke", "--baseline", "composed", *given]) == 2
    assert "'poet', expected one of: citewise-expert" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_help_is_quick_and_light() -> None:
    started = time.perf_counter()
    code = "import sys; from eval.__main__ import _parser; _parser('run'); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    heavy = {"numpy", "torch", "faiss", "openvino", "aiohttp", "gradio", "transformers"}
    assert not heavy & set(done.stdout.split())
    # Half a second on an idle machine; the tests share theirs.
    assert time.perf_counter() - started < 5
