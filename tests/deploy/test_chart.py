"""The Helm chart: linted and rendered by Helm's own library, each object held to its schema."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from app.config.settings import Settings
from tests.conftest import ROOT

CHART = ROOT / "deploy" / "helm" / "citewise"
KUBERNETES = "1.33"
# In a process of its own: the library brings a runtime that wants the process for itself.
CODE = """
import json, sys
from helm_python.chart import Chart, lint
from helm_python.errors import HelmError
values, found = json.loads(sys.argv[2]), {}
found["lint"] = lint(sys.argv[1], values, strict=True)
try:
    found["rendered"] = Chart.load(sys.argv[1]).render(values, name="answers", namespace="prod")
except HelmError as error:
    found["error"] = str(error)
print(json.dumps(found))
"""
Objects = dict[str, dict[str, Any]]


def helm(values: Mapping[str, object]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(CHART), json.dumps(values)],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def objects(found: Mapping[str, Any]) -> Objects:
    texts = [text for name, text in found["rendered"].items() if name.endswith(".yaml")]
    documents = [each for text in texts for each in yaml.safe_load_all(text) if each]
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in documents}


def variables(deployment: Mapping[str, Any]) -> dict[str, Any]:
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in container["env"]}


ALL: dict[str, Any] = {
    "citewise": {"autoscaling": {"enabled": True}, "settings": {"PASSAGES": "8"}},
    "database": {"existingSecret": "db"},
    "apiKeys": {"existingSecret": "keys"},
    "vllm": {"replicas": 3, "gpus": 2, "nodeSelector": {"gpu": "l40s"}, "storageClass": "fast"},
    "ingress": {"enabled": True, "className": "nginx", "tlsSecret": "tls"},
}
OWN: dict[str, Any] = {"vllm": {"enabled": False, "url": "http://a:8000/v1"}}


@pytest.mark.parametrize("values", [{}, ALL, OWN])
def test_it_lints_and_every_object_follows_kubernetes_schema(values: dict[str, Any]) -> None:
    import kubernetes_validate

    found = helm(values)
    assert [each for each in found["lint"]["messages"] if each["severity"] > 1] == []
    made = objects(found)
    assert made
    for each in made.values():
        kubernetes_validate.validate(each, KUBERNETES, strict=True)


def test_pods_are_not_root_and_have_probes_and_known_settings() -> None:
    made = objects(helm(ALL))
    for name in ("Deployment/answers-citewise", "StatefulSet/answers-citewise-vllm"):
        pod = made[name]["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["enableServiceLinks"] is False
        container = pod["containers"][0]
        assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(container)
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
    image = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    user = made["Deployment/answers-citewise"]["spec"]["template"]["spec"]["securityContext"]
    assert f"USER {user['runAsUser']}:" in image
    for name in variables(made["Deployment/answers-citewise"]):
        assert name.removeprefix("CITEWISE_").lower() in Settings.model_fields


def test_what_the_chart_repeats_of_the_settings_is_as_they_define_it() -> None:
    told = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    schema = Settings.model_json_schema()["properties"]
    drain = told["properties"]["citewise"]["properties"]["drainSeconds"]
    assert {drain["minimum"], drain["maximum"]} == {
        schema["drain_seconds"]["minimum"], schema["drain_seconds"]["maximum"],
    }  # fmt: skip
    assert values["citewise"]["drainSeconds"] == schema["drain_seconds"]["default"]
    pod = objects(helm(ALL))["Deployment/answers-citewise"]["spec"]["template"]["spec"]
    (port,) = pod["containers"][0]["ports"]
    assert port["containerPort"] == schema["port"]["default"]


def test_the_model_is_reached_through_its_service() -> None:
    made = objects(helm(ALL))
    port = made["Service/answers-citewise-vllm"]["spec"]["ports"][0]["port"]
    url = variables(made["Deployment/answers-citewise"])["CITEWISE_MODEL_URL"]
    assert url == f"http://answers-citewise-vllm:{port}/v1"
    own = objects(helm(OWN))
    assert variables(own["Deployment/answers-citewise"])["CITEWISE_MODEL_URL"] == "http://a:8000/v1"
    assert not any(name.startswith("StatefulSet/") for name in own)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"citewise": {"replicas": 0}}, "replicas"),
        ({"vllm": {"enabled": False}}, r"vllm\.url"),
        ({"vllm": {"url": "gpu1:8000"}}, "url"),
        ({"citwise": {}}, "citwise"),
    ],
)
def test_wrong_values_are_refused(values: dict[str, Any], said: str) -> None:
    found = helm(values)
    assert "rendered" not in found
    assert re.search(said, found["error"])
