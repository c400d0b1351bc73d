"""What `deploy/` promises: it keeps to its schemas, which would tell if not, and to what the program itself says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from adapter.console.figures import Figures
from adapter.serving import PATIENCE
from adapter.settings import load
from adapter.storage import open_store
from tests.house.processes import STAFETT
from tools.deployment import FILES, faults

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
MANIFESTS = [one for file in sorted((DEPLOY / "kubernetes").glob("*.yaml")) for one in yaml.safe_load_all(file.read_text("utf-8"))]
PODS = {m["metadata"]["name"]: m["spec"]["template"]["spec"] for m in MANIFESTS if m["kind"] in ("Deployment", "StatefulSet")}
OURS = {name: pod for name, pod in PODS.items() if name.startswith("stafett")}


@pytest.mark.parametrize("file", FILES, ids=str)
def test_a_file_keeps_to_its_schema(file: Path) -> None:
    assert list(faults(file)) == []


SPOILT = [  # a file, what in it becomes what, and a word of the fault
    ("compose.yaml", "read_only: true", "read_onyl: true", "read_onyl"),
    ("compose.yaml", "replicas: 2", "replicas: two", "two"),
    ("compose.yaml", "service_healthy", "healthy", "healthy"),
    ("compose.yaml", "interval: 5s", "interval: often", "often"),
    ("compose.yaml", "networks: [database]", "networks: [elsewhere]", "elsewhere"),
    ("compose.yaml", "  pgpass:\n    file: secrets/pgpass\n", "", "pgpass"),
    ("compose.yaml", "    postgresql:\n      condition", "    nobody:\n      condition", "nobody"),
    ("kubernetes/api.yaml", "readinessProbe:", "readynessProbe:", "readynessProbe"),
    ("kubernetes/api.yaml", "replicas: 2", 'replicas: "2"', "replicas"),
    ("kubernetes/worker.yaml", "apps/v1", "apps/v1beta1", "Deployment"),
    ("kubernetes/network.yaml", "port: 5432", "prot: 5432", "prot"),
    ("kubernetes/postgresql.yaml", "[ReadWriteOnce]", "ReadWriteOnce", "accessModes"),
]


@pytest.mark.parametrize(("name", "old", "new", "word"), SPOILT)
def test_the_check_finds_what_is_wrong(name: str, old: str, new: str, word: str, tmp_path: Path) -> None:
    text = (DEPLOY / name).read_text("utf-8")
    assert old in text
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(text.replace(old, new), "utf-8")

    assert word in " ".join(faults(file))


def test_the_check_ends_with_a_fault_that_it_names(tmp_path: Path) -> None:
    bad = tmp_path / "compose.yaml"
    bad.write_text("services: {a: {imag: x}}\n", "utf-8")
    done = subprocess.run(
        [sys.executable, ROOT / "tools/deployment.py", "--check", bad], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "imag" in done.stdout


def test_the_example_configuration_is_valid_and_the_same_in_both_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    [configured] = [m["data"]["stafett.toml"] for m in MANIFESTS if m["kind"] == "ConfigMap"]
    settings = load(DEPLOY / "stafett.example.toml")

    assert configured == (DEPLOY / "stafett.example.toml").read_text("utf-8")
    assert (settings.environment, settings.auth) == ("production", "helseid")
    assert "@postgresql/" in settings.store.url
    assert ":" not in settings.store.url.removeprefix("postgresql://")  # no password
    assert "postgresql" in COMPOSE["services"]
    assert "postgresql" in {m["metadata"]["name"] for m in MANIFESTS if m["kind"] == "Service"}


def test_each_file_of_a_secret_is_where_the_configuration_looks_for_it() -> None:
    text = (DEPLOY / "stafett.example.toml").read_text("utf-8")
    looked_for = set(re.findall(r'"/run/secrets/([^"]+)"', text))

    [keys] = [m["stringData"] for m in MANIFESTS if m["kind"] == "Secret" and m["metadata"]["name"] == "stafett-keys"]
    assert looked_for == set(keys)
    assert looked_for < set(COMPOSE["services"]["worker"]["secrets"])
    assert {m["metadata"]["name"]: set(m["stringData"].values()) for m in MANIFESTS if m["kind"] == "Secret"} == {
        "stafett-database": {""},
        "stafett-keys": {""},
    }


def test_there_is_time_to_end_for_what_is_in_hand() -> None:
    for pod in OURS.values():
        [container] = pod["containers"]
        pause = float(container["lifecycle"]["preStop"]["exec"]["command"][1])
        assert pod["terminationGracePeriodSeconds"] > pause + PATIENCE
    for name in ("api", "worker"):
        assert float(COMPOSE["services"][name]["stop_grace_period"].removesuffix("s")) > PATIENCE


def test_there_are_an_api_and_two_workers_beside_postgresql() -> None:
    services = COMPOSE["services"]
    assert set(services) == {"postgresql", "api", "worker"}
    assert services["worker"]["deploy"]["replicas"] == 2
    assert {m["metadata"]["name"]: m["spec"]["replicas"] for m in MANIFESTS if m["kind"] == "Deployment"} == {
        "stafett-api": 2,
        "stafett-worker": 2,
    }


@pytest.mark.parametrize("role", ["api", "worker"])
def test_what_is_started_is_what_the_program_knows_and_answers_where_it_is_looked_at(role: str) -> None:
    [container] = OURS[f"stafett-{role}"]["containers"]
    command = container["args"]
    assert command == COMPOSE["services"][role]["command"] == ["serve", "--roles", role, "--host", "0.0.0.0", "--port", "8000"]
    known = subprocess.run([STAFETT, "serve", "--help"], capture_output=True, text=True, check=True, env={"COLUMNS": "200"}).stdout
    assert all(word in known for word in command if word.startswith("--"))
    assert container["ports"] == [{"name": "http", "containerPort": 8000}]
    looks = {name: container[name]["httpGet"]["path"] for name in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert looks == {"startupProbe": "/health/live", "readinessProbe": "/health/ready", "livenessProbe": "/health/live"}
    assert ":8000/health/ready" in COMPOSE["services"][role]["healthcheck"]["test"][-1]


@pytest.mark.parametrize("name", PODS)
def test_a_pod_keeps_to_the_restricted_profile(name: str) -> None:
    """Kubernetes: Pod Security Standards, Restricted; and no variables of services, of which ours would be unknown settings."""
    pod = PODS[name]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    assert {next(iter(set(volume) - {"name"})) for volume in pod["volumes"]} <= {"configMap", "secret", "emptyDir"}
    for container in pod["containers"]:
        context = container["securityContext"]
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert (context["allowPrivilegeEscalation"], context["readOnlyRootFilesystem"]) == (False, True)
        assert {"requests", "limits"} == set(container["resources"])


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_a_container_may_no_more_than_it_must(name: str) -> None:
    service = COMPOSE["services"][name]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "network_mode"} & set(service)


def test_selectors_find_pods() -> None:
    labels = [m["spec"]["template"]["metadata"]["labels"] for m in MANIFESTS if m["kind"] in ("Deployment", "StatefulSet")]
    for manifest in MANIFESTS:
        spec = manifest.get("spec", {})
        if manifest["kind"] == "Service":
            wanted = spec["selector"]
        elif manifest["kind"] in ("PodDisruptionBudget", "Deployment", "StatefulSet"):
            wanted = spec["selector"]["matchLabels"]
        elif manifest["kind"] == "NetworkPolicy":
            wanted = spec["podSelector"].get("matchLabels", {})
        else:
            continue
        assert any(wanted.items() <= one.items() for one in labels), manifest["metadata"]["name"]


def test_every_alert_is_of_figures_that_there_are(tmp_path: Path) -> None:
    """By name; and labels that an alert goes by are labels of the figure."""
    store = open_store(f"sqlite:///{tmp_path}/stafett.db")
    store.migrate()
    told = {metric.name: metric for metric in Figures(store, ()).registry.collect()}
    store.close()
    rules = yaml.safe_load((DEPLOY / "prometheus" / "stafett.rules.yaml").read_text("utf-8"))["groups"][0]["rules"]

    named = {rule["alert"]: set(re.findall(r"stafett_[a-z_]+", rule["expr"])) for rule in rules}
    families = {alert: {re.sub("_(total|bucket)$", "", one) for one in names} for alert, names in named.items()}
    assert {alert: names - set(told) for alert, names in families.items() if names - set(told)} == {}
    assert all(families.values())
    chosen = {pair for rule in rules for pair in re.findall(r"(stafett_[a-z_]+)\{(\w+)[=!]", rule["expr"])}
    assert chosen
    for name, label in chosen:
        metric = told[name.removesuffix("_total")]
        assert label in getattr(metric, "_labelnames", ("status",)), name
    assert len(named) == len(rules)
    for rule in rules:
        assert set(rule["annotations"]) == {"summary", "action"}
        assert rule["labels"]["severity"] in ("info", "warning", "critical")
