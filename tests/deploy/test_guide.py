"""docs/cluster.md names only what there is, and its SQL is understood by the engine."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from tests.deploy.documents import DEPLOY, ROOT, compose, settings_lines

from turnout.settings import ENVIRONMENT
from turnout.store.address import parse_url
from turnout.telemetry import Telemetry

GUIDE = (ROOT / "docs/cluster.md").read_text(encoding="utf-8")

#: Only the tests of tests/real read these.
OF_TESTS = {"TURNOUT_TEST_CLUSTER", "TURNOUT_TEST_PROCESSES"}


def test_every_variable_and_every_metric_of_turnout_is_there():
    asked = set(re.findall(r"\bTURNOUT_[A-Z_]+\b", GUIDE))
    assert asked - OF_TESTS <= set(ENVIRONMENT)
    families = {family.name for family in Telemetry().registry.collect()}
    named = set(re.findall(r"\bturnout_[a-z_]+[a-z]\b", GUIDE)) - {"turnout_test"}
    assert {name.removesuffix("_total") for name in named} <= families


def test_every_file_and_page_is_there():
    for path in re.findall(r"\]\(([^)#]+)", GUIDE):
        assert (ROOT / "docs" / path).exists(), path
    for path in re.findall(r"deploy/[\w./-]+\w", GUIDE):
        # These are made by whoever deploys.
        assert (ROOT / path).exists() or path in {"deploy/.env"}, path


@pytest.mark.parametrize("url", re.findall(r"clickhouses?://[^\s'`]+:[^\s'`]+@[^\s'`]+", GUIDE))
def test_every_url_can_be_used(url):
    if "USER" not in url:
        assert parse_url(url).hosts


def test_the_options_of_the_url_are_those_that_there_are():
    named = set(re.findall(r"^\| `(\w+)=", GUIDE, re.MULTILINE)) | {"ca_cert"}
    for one in named:
        value = {"quorum": "2", "shard_by": "workspace", "verify": "false"}.get(one, "main")
        extra = "" if one in ("cluster", "verify", "ca_cert") else "&cluster=main"
        assert parse_url(f"clickhouses://u:p@h/turnout?{one}={value}{extra}")
    assert named == {"cluster", "shard_by", "quorum", "verify", "ca_cert"}


def test_the_line_that_runs_the_tests_names_the_ports_that_are_published():
    services = compose("compose.testing.yaml")["services"]
    published = {port.rpartition(":")[0] for one in services.values() for port in one["ports"]}
    (named,) = re.findall(r"tester:PASSWORD@(\S+)/\?cluster=main", GUIDE)
    assert set(named.split(",")) == published
    assert "CLICKHOUSE_TESTER_PASSWORD" in settings_lines(DEPLOY / "example.env")


def test_the_engine_understands_its_statements_and_has_the_metrics():
    blocks = "\n".join(re.findall(r"```\n(.*?)```", GUIDE, re.DOTALL))
    statements = re.findall(r"^(?:SYSTEM|BACKUP|RESTORE|CREATE) .*$", blocks, re.MULTILINE)
    statements += re.findall(r"`((?:SYSTEM|CREATE|SELECT) [^`]+)`", GUIDE)
    statements += [one.replace("\n", " ") for one in re.findall(r'--query "(.*?)"', blocks, re.DOTALL)]
    statements = [one for one in statements if len(one.split()) > 3 and "system.*" not in one]
    assert len(statements) >= 5
    names = re.findall(r"ClickHouseMetrics_(\w+)", GUIDE)
    script = (
        "import json, sys\nfrom chdb.state.sqlitelike import Connection\nopened = Connection(':memory:')\n"
        "statements, names = json.load(sys.stdin)\n"
        "for one in statements:\n    opened.query('EXPLAIN AST ' + one)\n"
        "for one in names:\n    sql = f\"SELECT count() FROM system.metrics WHERE metric = '{one}'\"\n"
        "    assert opened.query(sql, 'TSV').bytes() == b'1\\n', one\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], input=json.dumps([statements, names]), text=True, timeout=60,
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
