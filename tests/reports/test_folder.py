"""The folder of reports: names that nobody else made, whole files, and only so many of them."""

from __future__ import annotations

import datetime as dt

import pytest

from turnout.reports.folder import Folder, name_of, slug
from turnout.settings import Settings

DAY = dt.date(2026, 10, 5)


@pytest.mark.parametrize("campaign", ["../../etc/passwd", "a/b\0c", "Sömmer  Sale!", "שלום", "x" * 256, ".", "-"])
def test_a_campaign_s_name_is_never_a_path(campaign, tmp_path):
    name = name_of("s", campaign, DAY, "pdf")
    folder = Folder(Settings(reports_dir=str(tmp_path)), "default")
    folder.write(name, b"it")
    assert [one.name for one in (tmp_path / "default").iterdir()] == [name]
    assert len(name) < 100
    assert name.isascii()


def test_names_tell_reports_apart_and_stay():
    assert name_of("s", "Spring Sale", DAY, "html") == name_of("s", "Spring Sale", DAY, "html")
    assert slug("Spring Sale") == slug("spring-sale") == "spring-sale"
    names = {name_of(one, campaign, DAY, "html") for one in "ab" for campaign in ("Spring Sale", "spring-sale")}
    assert len(names) == 4
    assert all(name.startswith("2026-10-05-spring-sale-") for name in names)


@pytest.mark.parametrize("workspace", ["../other", "a/b", ".", "..", "UPPER", "x" * 100])
def test_a_workspace_has_a_folder_of_its_own(workspace, tmp_path):
    path = Folder(Settings(reports_dir=str(tmp_path)), workspace).path
    assert path.parent == tmp_path
    assert path.name not in (".", "..")


def test_the_oldest_go_and_nothing_else(tmp_path):
    folder = Folder(Settings(data=tmp_path, report_limit_files=3), "default")
    assert folder.path == tmp_path / "reports" / "default"
    folder.path.mkdir(parents=True)
    (folder.path / "mine.txt").write_text("not a report")
    names = [name_of("s", "spring", DAY + dt.timedelta(days=back), "html") for back in range(5)]
    for name in names:
        folder.write(name, name.encode())
    assert sorted(one.name for one in folder.path.iterdir()) == [*names[2:], "mine.txt"]
    # The one that was just written stays, however old its day.
    folder.write(names[0], b"again")
    assert sorted(one.name for one in folder.path.iterdir()) == [names[0], *names[3:], "mine.txt"]
    assert (folder.path / names[0]).read_bytes() == b"again"
