"""The manifests against Kubernetes' own schemas, and against what else they name."""

from __future__ import annotations

import importlib.metadata
import json
import re
from pathlib import Path

import jsonschema_rs
import pytest
from tests.deploy.documents import (
    DEPLOY,
    KUBERNETES,
    compose,
    environment_of,
    hosts,
    load,
    manifest,
    manifests,
    settings_lines,
    stateful_pods,
)
from tests.deploy.test_compose import SLOWEST_DRAIN

import turnout
from turnout.settings import ENVIRONMENT, Settings, from_environment

#: The oldest that has what is used here as a stable feature (StatefulSets that begin at 1), and the newest.
VERSIONS = ("1.31.0", "1.37.0")


@pytest.fixture(scope="module", params=VERSIONS)
def schemas(request) -> Path:
    """Kubernetes' schemas, in which an unknown field is a mistake. The package's own code is not run."""
    package = importlib.metadata.distribution("kubernetes-validate")
    folder = f"kubernetes_validate/kubernetes-json-schema/v{request.param}-local-strict"
    return Path(str(package.locate_file(folder)))


@pytest.fixture(scope="module")
def complaints(schemas):
    """What a Kubernetes of that version would object to in an object."""
    definitions = json.loads((schemas / "_definitions.json").read_text())

    def found(one: dict) -> list[str]:
        group, _, version = one["apiVersion"].rpartition("/")
        parts = [one["kind"].lower(), *([group.split(".")[0]] if group else []), version]
        schema = json.loads((schemas / f"{'-'.join(parts)}.json").read_text())
        validator = jsonschema_rs.validator_for(schema, retriever=lambda uri: definitions)
        return [f"{one['kind']} {one['metadata']['name']}: {error.message}" for error in validator.iter_errors(one)]

    return found


def test_every_manifest_is_what_kubernetes_takes(complaints):
    assert [words for one in manifests() for words in complaints(one)] == []


def test_kubernetes_would_object(complaints):
    one = manifest("StatefulSet", "turnout")
    one["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = {}
    assert complaints(one)


def container(name: str) -> dict:
    (found,) = manifest("StatefulSet", name)["spec"]["template"]["spec"]["containers"]
    return found


def test_the_kustomization_lists_every_file_and_only_files_that_are_there():
    (document,) = load((KUBERNETES / "kustomization.yaml").read_text())
    listed = set(document["resources"]) - {"../clickhouse"}
    assert listed == {file.name for file in KUBERNETES.glob("*.yaml")} - {"kustomization.yaml"}
    assert [one["envs"] for one in document["configMapGenerator"]] == [["settings.env"]]
    # Whoever has not filled it in can apply nothing.
    assert [one["envs"] for one in document["secretGenerator"]] == [["secrets.env"]]
    assert not any(settings_lines(KUBERNETES / "secrets.example.env").values())
    (beside,) = load((DEPLOY / "clickhouse/kustomization.yaml").read_text())
    for one in beside["configMapGenerator"]:
        assert all((DEPLOY / "clickhouse" / file).is_file() for file in one["files"])


def test_images_are_pinned_and_the_same_as_compose_s():
    (document,) = load((KUBERNETES / "kustomization.yaml").read_text())
    pinned = {f"{one['name']}:{one['newTag']}" for one in document["images"]}
    assert pinned == {container(name)["image"] for name in ("turnout", "keeper", "clickhouse-1", "clickhouse-2")}
    assert pinned < {one["image"] for one in compose()["services"].values()}
    assert f"turnout:{turnout.__version__}" in pinned


def test_every_host_that_the_configuration_names_is_a_pod():
    named = {host for file in ("cluster.xml", "keeper.xml") for host, _ in hosts(file)}
    assert named == {name for name in stateful_pods() if not name.startswith("turnout-")}
    for name, one in stateful_pods().items():
        service = manifest("Service", name.split(".")[1])
        labels = one["spec"]["template"]["metadata"]["labels"]
        assert service["spec"]["selector"].items() <= labels.items()
        assert service["spec"]["clusterIP"] == "None"
        assert service["spec"]["publishNotReadyAddresses"] is True


def test_the_two_shards_differ_in_their_number_only():
    first, second = (
        json.dumps(manifest("StatefulSet", f"clickhouse-{shard}"))
        .replace(f"clickhouse-{shard}", "clickhouse-N")
        .replace(f'"shard": "{shard}"', '"shard": "N"')
        .replace(f'"CLICKHOUSE_SHARD", "value": "{shard}"', '"CLICKHOUSE_SHARD", "value": "N"')
        for shard in (1, 2)
    )
    assert first == second


def test_turnout_is_told_the_same_as_in_compose():
    there = environment_of(compose()["services"]["turnout-1"])
    own = container("turnout")
    values = {one["name"]: one.get("value", "") for one in own["env"]}
    settings = settings_lines(KUBERNETES / "settings.env")
    assert set(settings) | set(values) - {"CLICKHOUSE_TURNOUT_PASSWORD"} <= set(ENVIRONMENT)
    assert set(there) <= set(settings) | set(values)
    assert values["TURNOUT_STORE"] == re.sub(r"\$\{(\w+)[^}]*\}", r"$(\1)", there["TURNOUT_STORE"])
    # What is filled in stands before what it is filled into.
    assert list(values).index("CLICKHOUSE_TURNOUT_PASSWORD") < list(values).index("TURNOUT_STORE")
    assert from_environment(settings).port == own["ports"][0]["containerPort"]


def test_every_secret_that_is_asked_for_is_in_the_example():
    asked = set()
    for name in ("turnout", "clickhouse-1", "clickhouse-2", "keeper"):
        for one in container(name)["env"]:
            reference = one.get("valueFrom", {}).get("secretKeyRef")
            if reference:
                assert reference["name"] == "turnout-secrets"
                asked.add(reference["key"])
    assert asked == set(settings_lines(KUBERNETES / "secrets.example.env"))


def test_a_process_is_given_the_time_that_its_spool_takes():
    pod = manifest("StatefulSet", "turnout")["spec"]["template"]["spec"]
    (hook,) = (one["lifecycle"]["preStop"]["exec"]["command"] for one in pod["containers"])
    wanted = int(hook[1]) + Settings.shutdown_timeout_s + Settings.spool_limit_events / SLOWEST_DRAIN
    assert pod["terminationGracePeriodSeconds"] > wanted


def test_the_spool_stays_with_its_process():
    one = manifest("StatefulSet", "turnout")["spec"]
    (claim,) = one["volumeClaimTemplates"]
    (mounted,) = (mount for mount in container("turnout")["volumeMounts"] if mount["name"] == claim["metadata"]["name"])
    assert mounted["mountPath"] == settings_lines(KUBERNETES / "settings.env")["TURNOUT_DATA"]
    assert set(one["persistentVolumeClaimRetentionPolicy"].values()) == {"Retain"}
    size = int(re.fullmatch(r"(\d+)Gi", claim["spec"]["resources"]["requests"]["storage"])[1]) << 30
    assert size > 2 * (Settings.spool_limit_bytes + Settings.free_floor_bytes)


def test_services_policies_and_probes_name_ports_that_pods_have():
    pods = [one["spec"]["template"] for one in manifests() if one["kind"] == "StatefulSet"]

    def ports(selector: dict) -> list[dict]:
        chosen = [pod for pod in pods if selector.items() <= pod["metadata"]["labels"].items()]
        assert chosen, selector
        return [port for pod in chosen for port in pod["spec"]["containers"][0]["ports"]]

    for one in manifests():
        if one["kind"] == "Service" and "selector" in one["spec"]:
            there = ports(one["spec"]["selector"])
            for port in one["spec"]["ports"]:
                target = port.get("targetPort", port["port"])
                assert target in {known["name"] for known in there} | {known["containerPort"] for known in there}
        if one["kind"] == "NetworkPolicy" and one["spec"]["podSelector"]:
            there = ports(one["spec"]["podSelector"]["matchLabels"])
            asked = {port["port"] for rule in one["spec"]["ingress"] for port in rule["ports"]}
            assert asked <= {known["containerPort"] for known in there}
        if one["kind"] == "PodDisruptionBudget":
            ports(one["spec"]["selector"]["matchLabels"])
    for pod in pods:
        (only,) = pod["spec"]["containers"]
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            asked = only[probe].get("httpGet") or only[probe]["tcpSocket"]
            assert asked["port"] in {port["name"] for port in only["ports"]}


def test_the_ways_in_lead_to_services_and_choose_processes_as_the_balancer_does():
    leads, hashed, hosts_and_certificates = {}, {}, []
    for one in (one for one in manifests() if one["kind"] == "Ingress"):
        (rule,) = one["spec"]["rules"]
        hosts_and_certificates.append((rule["host"], one["spec"]["tls"]))
        for path in rule["http"]["paths"]:
            name = path["backend"]["service"]["name"]
            assert [port["port"] for port in manifest("Service", name)["spec"]["ports"]] == [80]
            leads[path["path"]] = name
            by = one["metadata"]["annotations"].get("nginx.ingress.kubernetes.io/upstream-hash-by", "")
            # It is the service's processes that are chosen so, whichever path leads there.
            assert hashed.setdefault(name, by) == by
    assert len(hosts_and_certificates) == 3
    assert all(one == hosts_and_certificates[0] for one in hosts_and_certificates)
    balancer = (DEPLOY / "balancer/haproxy.cfg").read_text()

    def paths(acl: str) -> set[str]:
        return {path for line in re.findall(rf"acl {acl} path(?:_beg)? (.*)", balancer) for path in line.split()}

    assert paths("brings_events") == {path for path, name in leads.items() if name == "turnout-taking"}
    assert paths("is_of_a_show") == {path for path, name in leads.items() if name == "turnout-live"}
    assert leads["/metrics"] == "closed"
    chosen = {"turnout": "$binary_remote_addr", "turnout-taking": "", "turnout-live": "$uri"}
    assert {name: hashed[name] for name in chosen} == chosen
    for name in ("turnout-taking", "turnout-live"):
        assert manifest("Service", name)["spec"]["publishNotReadyAddresses"] is True


def test_every_pod_is_bounded_and_nobody_s_root():
    for one in manifests():
        if one["kind"] == "StatefulSet":
            pod = one["spec"]["template"]["spec"]
            (only,) = pod["containers"]
            assert pod["securityContext"]["runAsNonRoot"] is True
            assert only["securityContext"]["allowPrivilegeEscalation"] is False
            assert "memory" in only["resources"]["limits"]
            assert "podAntiAffinity" in pod["affinity"]
