"""The compose files against the Compose specification, and against what else they name."""

from __future__ import annotations

import importlib.metadata
import json
import re
from urllib.parse import parse_qs

import jsonschema_rs
import pytest
import yaml
from tests.deploy.documents import DEPLOY, compose, environment_of, filled, hosts, load, settings_lines

import turnout
from turnout.settings import ENVIRONMENT, Settings, from_environment

FILES = ("compose.yaml", "compose.testing.yaml")

#: What a full spool takes at least, stored as slowly as single machines were ever seen to (events a second).
SLOWEST_DRAIN = 25_000


@pytest.fixture(scope="module")
def specification() -> jsonschema_rs.Validator:
    """The schema, out of a package that is here for nothing else: its code is not run."""
    package = importlib.metadata.distribution("check-jsonschema")
    schema = package.locate_file("check_jsonschema/builtin_schemas/vendor/compose-spec.json")
    return jsonschema_rs.validator_for(json.loads(schema.read_text()))


def test_a_key_that_stands_twice_is_refused():
    with pytest.raises(yaml.constructor.ConstructorError, match="stand twice"):
        load("a: 1\nb: {c: 1, c: 2}\n")


@pytest.mark.parametrize("name", FILES)
def test_it_is_what_the_specification_allows(name, specification):
    assert [error.message for error in specification.iter_errors(compose(name))] == []


def test_the_specification_would_object(specification):
    document = compose()
    document["services"]["balancer"]["port"] = ["8080:8080"]
    assert not specification.is_valid(document)


def services() -> dict[str, dict]:
    return compose()["services"]


def of(image: str) -> dict[str, dict]:
    return {name: one for name, one in services().items() if one["image"].split(":")[0].endswith(image)}


def test_there_are_two_shards_of_two_replicas_three_keepers_and_two_processes():
    shards = [environment_of(one)["CLICKHOUSE_SHARD"] for one in of("clickhouse-server").values()]
    assert sorted(shards) == ["1", "1", "2", "2"]
    assert len(of("clickhouse-keeper")) == 3
    assert len(of("turnout")) == 2


def test_every_image_is_pinned():
    for name, one in services().items():
        assert re.search(r":\d+\.\d+", one["image"]), name
    assert {one["image"] for one in of("turnout").values()} == {f"turnout:{turnout.__version__}"}


def test_turnout_processes_differ_in_their_volume_only():
    first, second = (dict(one) for one in of("turnout").values())
    assert first.pop("volumes") != second.pop("volumes")
    assert first == second


def test_every_variable_of_turnout_is_a_setting_and_its_values_are_taken():
    values = dict.fromkeys(settings_lines(DEPLOY / "example.env"), "0123456789abcdef" * 4)
    values |= {"TURNOUT_TIMEZONE": "Europe/Berlin", "TURNOUT_PROXY_HOPS": "1"}
    for one in of("turnout").values():
        assert set(environment_of(one)) <= set(ENVIRONMENT)
        found = from_environment({name: filled(text, values) for name, text in environment_of(one).items()})
        assert (found.port, found.proxy_hops, found.host) == (8080, 1, "0.0.0.0")


def test_no_secret_has_a_default_and_the_example_has_every_variable():
    used: dict[str, set[str]] = {}
    for name in FILES:
        text = (DEPLOY / name).read_text()
        for variable, kind in re.findall(r"\$\{(\w+)(:[-?])?", text):
            used.setdefault(variable, set()).add(kind)
    example = settings_lines(DEPLOY / "example.env")
    assert set(used) == set(example)
    for variable, kinds in used.items():
        if re.search("PASSWORD|SECRET|KEY", variable):
            assert kinds == {":?"}, variable
            assert example[variable] == "", variable


def test_the_store_s_url_names_every_node_and_its_cluster():
    for one in of("turnout").values():
        url = environment_of(one)["TURNOUT_STORE"]
        named, database, options = re.fullmatch(r"clickhouse://turnout:.*@(.*)/(\w+)\?(.*)", url).groups()
        assert sorted(named.split(",")) == sorted(f"{host}:8123" for host, port in hosts("cluster.xml") if port == 9000)
        assert parse_qs(options) == {"cluster": ["main"]}
        assert f"<{parse_qs(options)['cluster'][0]}>" in (DEPLOY / "clickhouse/cluster.xml").read_text()
        assert {environment_of(node)["CLICKHOUSE_DB"] for node in of("clickhouse-server").values()} == {database}


def names() -> set[str]:
    """What a container may be called by others."""
    found = set(services())
    for one in services().values():
        if isinstance(one["networks"], dict):
            found |= {alias for network in one["networks"].values() for alias in (network or {}).get("aliases", ())}
    return found


def test_every_host_that_is_named_is_there():
    named = {host for file in ("cluster.xml", "keeper.xml") for host, _ in hosts(file)}
    balancer = (DEPLOY / "balancer/haproxy.cfg").read_text()
    servers = re.findall(r"^\s*server (\S+) (\S+):(\d+)$", balancer, re.MULTILINE)
    assert named | {host for _, host, _ in servers} <= names()
    assert {host for _, host, _ in servers} == set(of("turnout"))
    assert {port for _, _, port in servers} == {environment_of(one)["TURNOUT_PORT"] for one in of("turnout").values()}
    assert {environment_of(one)["CLICKHOUSE_HOST"] for one in of("clickhouse-server").values()} <= named


def test_each_node_is_told_who_it_is():
    replicas = [environment_of(one)["CLICKHOUSE_REPLICA"] for one in of("clickhouse-server").values()]
    assert len(set(replicas)) == 4
    for name, one in of("clickhouse-server").items():
        own = environment_of(one)
        assert own["CLICKHOUSE_HOST"] == f"{name}.clickhouse"
        assert own["CLICKHOUSE_SHARD"] == name.split("-")[1]
    for name, one in of("clickhouse-keeper").items():
        assert name == f"keeper-{environment_of(one)['KEEPER_ID']}"


def test_only_the_balancer_is_published():
    assert [name for name, one in services().items() if "ports" in one] == ["balancer"]
    assert compose()["networks"]["store"] == {"internal": True}
    for one in (*of("clickhouse-server").values(), *of("clickhouse-keeper").values()):
        assert set(one["networks"]) == {"store"}
    assert services()["balancer"]["networks"] == ["front"]


def test_every_service_is_watched_bounded_and_waited_for():
    for name, one in services().items():
        # Turnout's is in its image.
        assert "healthcheck" in one or name.startswith("turnout-"), name
        assert "mem_limit" in one, name
        assert "nofile" in one["ulimits"], name
        for condition in one.get("depends_on", {}).values():
            assert condition == {"condition": "service_healthy"}


def seconds(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([sm])", text).groups()
    return int(number) * {"s": 1, "m": 60}[unit]


def test_a_process_is_given_the_time_that_its_spool_takes():
    wanted = Settings.shutdown_timeout_s + Settings.spool_limit_events / SLOWEST_DRAIN
    for one in of("turnout").values():
        assert seconds(one["stop_grace_period"]) > wanted


def test_every_volume_is_declared_and_every_file_is_there():
    declared, used = set(compose()["volumes"]), []
    for file in FILES:
        for one in compose(file)["services"].values():
            for volume in one.get("volumes", ()):
                source = volume.split(":")[0]
                if source.startswith("./"):
                    assert (DEPLOY / source).is_file(), source
                else:
                    used.append(source)
    assert sorted(used) == sorted(declared)


def test_the_testing_file_adds_to_what_is_there():
    for name, one in compose("compose.testing.yaml")["services"].items():
        assert name in of("clickhouse-server")
        assert all(port.startswith("127.0.0.1:") and port.endswith(":8123") for port in one["ports"])
