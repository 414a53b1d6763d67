"""`turnout report` and `turnout reports`, from a terminal."""

from __future__ import annotations

import json

import pytest

from turnout.panels.registry import PANELS

SENT = {"type": "sent", "campaign": "spring", "time": "2026-10-05T10:00:00Z"}


@pytest.fixture(autouse=True)
def _a_short_report(monkeypatch):
    """One panel; what the others show in a report is tested with reports."""
    monkeypatch.setattr("turnout.reports.document.PANELS", {"funnel": PANELS["funnel"]})


def test_a_report_is_written_by_what_the_file_is_called(command, tmp_path):
    command.tenant.send(*({**SENT, "recipient": f"r{number}"} for number in range(1234)))
    assert command("report", "spring", "-o", tmp_path / "it.html").code == 0
    page = (tmp_path / "it.html").read_text()
    assert page.startswith("<!doctype html>")
    assert 'data-name="sent">1,234<' in page
    assert command("report", "spring", "-o", tmp_path / "it.PDF", "--from", "2026-10-05").code == 0
    assert (tmp_path / "it.PDF").read_bytes().startswith(b"%PDF-")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["it.PDF", "it.html"]


def test_what_can_t_be_written_is_said_and_leaves_no_file(command, tmp_path):
    command.tenant.client.put("/v1/campaigns/spring", json={})
    for arguments, words in (
        (("spring", "-o", tmp_path / "it.docx"), "there are html, pdf"),
        (("sprung", "-o", tmp_path / "it.html"), "did you mean 'spring'?"),
        (("spring", "-o", tmp_path / "it.html", "--range", "7days"), "did you mean '7d'?"),
    ):
        result = command("report", *arguments)
        assert result.code == 2, arguments
        assert words in result.err
    assert list(tmp_path.iterdir()) == []


def test_a_schedule_is_added_listed_run_and_deleted(command, house):
    command.tenant.send({**SENT, "recipient": "ada"})
    added = command(
        "reports", "add", "--every", "month", "--on", "3", "--range", "all", "--folder", "--campaign", "spring"
    )
    assert added.code == 0, added.err
    name = added.out.split()[1].rstrip(":")
    assert "on day 3 of every month at 08:00 (UTC); next" in added.out
    assert "spring" in command("reports", "list").out
    ran = command("reports", "run", name)
    assert (ran.code, ran.out) == (0, "delivered: 1 file written\n"), ran.err
    (kept,) = json.loads(command("reports", "list", "--json").out)["reports"]
    (file,) = kept["last"]["files"]
    folder = house.services.settings.data / "reports" / command.tenant.workspace.id
    assert 'data-name="sent">1<' in (folder / file).read_text()
    assert command("reports", "delete", name).out == f"deleted {name}\n"
    assert json.loads(command("reports", "list", "--json").out)["reports"] == []
    assert command("reports", "run", name).code == 2


def test_what_is_no_day_is_said(command):
    for arguments, words in (
        (("--every", "week", "--on", "3", "--folder"), "weekday"),
        (("--every", "day", "--on", "monday", "--folder"), "'monday' is no day of that"),
        (("--to", "ada@example.com"), "TURNOUT_SMTP_URL"),
        ((), "the reports would go nowhere"),
    ):
        result = command("reports", "add", *arguments)
        assert result.code == 2, arguments
        assert words in result.err
