"""What can be checked of the deployment without Docker, Kubernetes or root."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from app.config.settings import Settings
from scripts.vllm.choice import Table, pretended_gpus
from tests.conftest import ROOT

DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
CITEWISE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
VLLM = (DEPLOY / "vllm.Dockerfile").read_text(encoding="utf-8")
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


def version(name: str) -> str:
    """The version of vLLM that `make vllm` installs for a kind of machine."""
    lock = (ROOT / "scripts" / "vllm" / f"{name}.lock").read_text(encoding="utf-8")
    found = re.search(r"^vllm(?:-cpu)?==(\S+)", lock, re.MULTILINE)
    assert found
    return found[1]


@pytest.mark.parametrize("name", ["Dockerfile", "vllm.Dockerfile"])
def test_hadolint_finds_nothing(name: str) -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run(
        [str(hadolint), "--failure-threshold", "style", str(DEPLOY / name)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("text", [CITEWISE, VLLM])
def test_images_are_pinned_not_root_and_watched(text: str) -> None:
    for image in re.findall(r"^FROM (\S+)", text, re.MULTILINE):
        assert re.search(r":v?\d+\.\d+\.\d+", image), f"{image} is not pinned"
    users = re.findall(r"^USER (\d+)", text, re.MULTILINE)
    assert users
    assert int(users[-1]) > 0
    assert "\nHEALTHCHECK " in text
    for name in re.findall(r"CITEWISE_([A-Z_]+)=", text):
        assert name.lower() in Settings.model_fields


def test_what_the_image_copies_is_there_and_what_it_runs_works() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    for line in re.findall(r"^COPY (?!--from)(.+) \S+$", CITEWISE, re.MULTILINE):
        for name in line.split():
            assert (ROOT / name).exists()
            assert name not in ignored
    for secret in ("deploy/.env", "var", ".git"):
        assert secret in ignored


def test_the_compose_file_follows_the_compose_specification() -> None:
    schemas = files("check_jsonschema") / "builtin_schemas" / "vendor"
    schema = json.loads((schemas / "compose-spec.json").read_text(encoding="utf-8"))
    jsonschema.Draft7Validator(schema).validate(COMPOSE)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(schema).validate({**COMPOSE, "servces": {}})


def test_the_services_are_bound_as_they_should_be() -> None:
    services = COMPOSE["services"]
    assert set(services) == {"citewise", "vllm", "database"}
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"]
        built = service.get("build")
        if built:
            folder = (DEPLOY / built["context"]).resolve()
            assert (folder / built["dockerfile"]).is_file()
        assert built or service["user"] == "postgres"
        assert built or "healthcheck" in service
    waits = services["citewise"]["depends_on"]
    assert {each["condition"] for each in waits.values()} == {"service_healthy"}
    assert all(port.startswith("127.0.0.1:") for port in services["citewise"]["ports"])
    for variable in services["citewise"]["environment"]:
        assert variable.removeprefix("CITEWISE_").lower() in Settings.model_fields
    for volume in [v for s in services.values() for v in s.get("volumes", ())]:
        assert volume.partition(":")[0] in COMPOSE["volumes"]


def _flags(words: list[str]) -> dict[str, object]:
    """Flags with their values, JSON read."""
    found: dict[str, object] = {}
    for word in words:
        name, _, value = word.partition("=")
        found[name] = json.loads(value) if value.startswith("{") else value
    return found


def _planned(gpus: str) -> dict[str, object]:
    words, found = list(Table.shipped().for_gpus(pretended_gpus(gpus)).arguments), []
    while words:
        word = words.pop(0)
        found.append(f"{word}={words.pop(0)}" if words and words[0][:2] != "--" else word)
    return _flags(found)


def test_compose_and_chart_serve_what_make_vllm_chooses() -> None:
    """For one GPU of 24 GB, the least that both are written for; the same version of vLLM."""
    chosen = Table.shipped().for_gpus(pretended_gpus("24"))
    model, *words = COMPOSE["services"]["vllm"]["command"]
    defaults = [re.sub(r"\$\{\w+:-([^}]+)\}", r"\1", word) for word in (model, *words)]
    assert defaults[0] == chosen.model
    assert _flags(defaults[1:]) == _planned("24")
    values = yaml.safe_load((DEPLOY / "helm/citewise/values.yaml").read_text(encoding="utf-8"))
    assert values["vllm"]["model"] == chosen.model
    assert _flags(values["vllm"]["arguments"]) == _planned("24")
    assert f"vllm/vllm-openai:v{version('gpu')}" in VLLM
    assert values["vllm"]["image"]["tag"] == f"v{version('gpu')}"


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_accepts_the_units(unit: Path, tmp_path: Path) -> None:
    text = unit.read_text(encoding="utf-8")
    for name in re.findall(r"CITEWISE_([A-Z_]+)=", text):
        assert name.lower() in Settings.model_fields
    assert re.search(r"^User=(?!root)", text, re.MULTILINE)
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed: sudo apt-get install systemd")
    started = re.findall(r"^ExecStart=(\S+) -m (\S+)", text, re.MULTILINE)
    assert started
    assert (ROOT / started[0][1].replace(".", "/") / "__main__.py").is_file()
    # What it starts is looked for: here it is this Python.
    here = text.replace(started[0][0], sys.executable).replace("/opt/citewise", str(ROOT))
    (tmp_path / unit.name).write_text(here, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / unit.name)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    said = [line for line in done.stderr.splitlines() if unit.name in line]
    assert (done.returncode, said) == (0, [])
