"""A short soak: some seconds of the mixed load of `scripts.soak`, and how it judges."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.soak import Soak, run


@pytest.mark.slow
async def test_mixed_load_fails_nothing(shipped_index: Path, tmp_path: Path) -> None:
    soak = await run(0.3, 4, shipped_index, tmp_path)
    assert not soak.wrong
    assert soak.swaps >= 2
    for kind in ("streamed", "unstreamed", "retrieved", "left"):
        assert soak.done[kind] > 1
    files = [sample[2] for sample in soak.samples[5:]]
    assert max(files) - min(files) < 40


@pytest.mark.parametrize(
    ("memory", "files", "said"),
    [
        ((400.0, 405.0), (30, 33), []),
        ((400.0, 430.0), (30, 30), ["memory grew from 400 to 430 MB"]),
        ((400.0, 400.0), (30, 60), ["open files grew from 30 to 60"]),
    ],
)
def test_what_grows_is_named(
    memory: tuple[float, float], files: tuple[int, int], said: list[str]
) -> None:
    soak = Soak()
    for at in range(120):
        late = at > 75
        soak.samples.append((at, memory[late], files[late]))
    assert soak.faults() == said
    soak.wrong["streamed: status 500"] += 2
    assert soak.faults()[0] == "2 times: streamed: status 500"
