"""The files of deploy/ as the programs that read them see them: loaded strictly, and with values filled in."""

from __future__ import annotations

import copy
import functools
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"


class _Strict(yaml.SafeLoader):
    """YAML where a key that stands twice in a mapping is a mistake, as Compose and Kubernetes say it is."""


def _mapping(loader: _Strict, node: yaml.MappingNode) -> dict[object, object]:
    keys = [loader.construct_object(key) for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
    repeated = {key for key in keys if keys.count(key) > 1}
    if repeated:
        raise yaml.constructor.ConstructorError(None, None, f"keys stand twice: {repeated}", node.start_mark)
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


_Strict.add_constructor("tag:yaml.org,2002:map", _mapping)


def load(text: str) -> list[Any]:
    """Every document of a YAML text; ConstructorError where a key stands twice."""
    return copy.deepcopy(_load(text))


@functools.cache
def _load(text: str) -> list[Any]:
    return [document for document in yaml.load_all(text, _Strict) if document is not None]


def compose(name: str = "compose.yaml") -> dict[str, Any]:
    """A compose file."""
    (document,) = load((DEPLOY / name).read_text())
    return document


def environment_of(service: dict[str, Any]) -> dict[str, str]:
    """A service's environment as it is written."""
    return dict(service.get("environment", {}))


def settings_lines(path: Path) -> dict[str, str]:
    """The variables of an env file."""
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def filled(text: str, values: dict[str, str]) -> str:
    """`${NAME:?why}`, `${NAME:-else}` and `$(NAME)` filled in. KeyError for a name that must have a value."""

    def value(found: re.Match[str]) -> str:
        name, kind, rest = found["name"], found["kind"], found["rest"]
        return values.get(name) or rest if kind == ":-" else values[name]

    text = re.sub(r"\$\{(?P<name>\w+)(?:(?P<kind>:[-?])(?P<rest>[^}]*))?\}", value, text)
    return re.sub(r"\$\((\w+)\)", lambda found: values[found[1]], text)


def manifests() -> list[dict[str, Any]]:
    """Every Kubernetes object of deploy/kubernetes, but for the kustomization."""
    files = sorted(set(KUBERNETES.glob("*.yaml")) - {KUBERNETES / "kustomization.yaml"})
    return [document for file in files for document in load(file.read_text())]


def manifest(kind: str, name: str) -> dict[str, Any]:
    """One of them."""
    (found,) = (one for one in manifests() if (one["kind"], one["metadata"]["name"]) == (kind, name))
    return found


def stateful_pods() -> dict[str, dict[str, Any]]:
    """Every pod of a StatefulSet, by the name that other pods find it under: its own and its service's."""
    found = {}
    for one in manifests():
        if one["kind"] == "StatefulSet":
            first = one["spec"].get("ordinals", {}).get("start", 0)
            for ordinal in range(first, first + one["spec"]["replicas"]):
                found[f"{one['metadata']['name']}-{ordinal}.{one['spec']['serviceName']}"] = one
    return found


def hosts(file: str) -> Iterator[tuple[str, int]]:
    """Every host and port that a ClickHouse configuration names."""
    for element in ET.parse(DEPLOY / "clickhouse" / file).iter():
        name = element.find("host") if element.find("host") is not None else element.find("hostname")
        port = element.find("port")
        if name is not None and port is not None:
            yield str(name.text), int(str(port.text))
