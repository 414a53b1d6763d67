"""`turnout chart`: a file of the kind that its name says, of what was asked for, or none."""

from __future__ import annotations

import httpx
import pytest


@pytest.fixture
def mail(command):
    """A campaign of one day with a funnel."""
    people = {"sent": 8, "delivered": 8, "opened": 4}
    command.tenant.send(
        *(
            {"type": kind, "time": "2026-10-05T10:00:00Z", "campaign": "a/b c", "recipient": f"r{number}"}
            for kind, count in people.items()
            for number in range(count)
        )
    )
    return command


@pytest.mark.parametrize(("name", "starts"), [("c.png", b"\x89PNG"), ("c.svg", b"<svg"), ("c.PDF", b"%PDF")])
def test_the_name_says_the_kind_of_picture(mail, tmp_path, name, starts):
    result = mail("chart", "a/b c", "-o", tmp_path / name, "--panel", "funnel")
    assert (result.code, result.out) == (0, ""), result.err
    assert (tmp_path / name).read_bytes().startswith(starts)


def test_a_chart_says_what_the_statistics_say(mail, tmp_path):
    mail("chart", "a/b c", "-o", tmp_path / "c.svg", "--panel", "funnel", "--timezone", "Asia/Kolkata")
    svg = (tmp_path / "c.svg").read_text()
    for text in ("a/b c · Funnel", "5 Oct 2026 (Asia/Kolkata), human and proxy", "50.0 %"):
        assert text in svg, text
    dark = tmp_path / "dark.svg"
    mail("chart", "a/b c", "-o", dark, "--panel", "funnel", "--timezone", "Asia/Kolkata", "--dark")
    assert "#14181f" in dark.read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("a/b c", "-o", "c.gif"), "there are png, svg, pdf"),
        (("a/bc", "-o", "c.png"), "did you mean 'a/b c'?"),
        (("a/b c", "-o", "c.png", "--panel", "funel"), "did you mean 'funnel'?"),
        (("a/b c", "-o", "c.png", "--panel", "funnel", "--from", "2027-01-01"), "sent"),
        (("a/b c", "-o", "c.png", "--grain", "year"), "unknown grain"),
        (("a/b c", "-o", "c.png", "--range", "7days"), "did you mean '7d'?"),
        (("a/b c", "-o", "c.png", "--range", "7d", "--to", "2027-01-01"), "by its name or by from and to"),
    ],
)
def test_what_can_not_be_drawn_leaves_no_file(mail, tmp_path, arguments, words, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = mail("chart", *arguments)
    assert result.code != 0
    assert words in result.err
    assert not list(tmp_path.iterdir())


def test_the_route_is_for_readers_of_the_workspace_only(mail, make_tenant, url):
    where = "/v1/campaigns/a%2Fb%20c/chart.svg?panel=funnel"
    assert mail.tenant.client.get(where).headers["content-type"] == "image/svg+xml"
    assert make_tenant().client.get(where).status_code == 404
    assert make_tenant(scopes=("ingest",)).client.get(where).status_code == 403
    assert httpx.get(f"{url}{where}").status_code == 401
    assert mail.tenant.client.get(where.replace("svg", "gif")).status_code == 404
    assert mail.tenant.client.get(f"{where}&scale=900").status_code == 400
