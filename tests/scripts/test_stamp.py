"""The notes that say whether the long tests have anything new to say."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import stamp
from tests.conftest import ROOT


def test_the_digest_knows_what_changed(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("one")
    before = stamp.digest(["*.py"], tmp_path)
    (tmp_path / "b.txt").write_text("not asked for")
    assert stamp.digest(["*.py"], tmp_path) == before
    (tmp_path / "a.py").write_text("two")
    changed = stamp.digest(["*.py"], tmp_path)
    (tmp_path / "a.py").rename(tmp_path / "c.py")
    assert len({before, changed, stamp.digest(["*.py"], tmp_path)}) == 3


@pytest.mark.parametrize("group", sorted(stamp.DEPENDS_ON))
def test_every_pattern_names_files(group: str) -> None:
    assert all(list(ROOT.glob(pattern)) for pattern in stamp.DEPENDS_ON[group])


def test_what_has_passed_has_nothing_new_to_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stamp, "NOTES", tmp_path / "passed.json")
    assert stamp.main(["check", "slow"]) == 1
    assert stamp.main(["write", "slow"]) == 0
    assert stamp.main(["check", "slow"]) == 0
    assert stamp.main(["check", "vllm"]) == 1
