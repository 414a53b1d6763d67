"""Scheduled reports: delivered once for each due time, whatever fails in between."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import SAMPLED_AT

from turnout.errors import InvalidInput, NotFound, StoreError, TooLarge
from turnout.reports import delivery, mail
from turnout.reports.mail import NotSent
from turnout.reports.runner import RETRIES_AFTER_S, Runner
from turnout.store.catalog import Catalog
from turnout.store.schedules import ReportRun, Schedule, ScheduleFields

MINUTE = dt.timedelta(minutes=1)
DAY = dt.timedelta(days=1)


class Clock:
    """A clock that stands until it is set; far ahead, where the server's own runner finds nothing to do."""

    def __init__(self, at: dt.datetime) -> None:
        self.at = at

    def __call__(self) -> dt.datetime:
        return self.at


@dataclasses.dataclass
class Bench:
    """A runner on a clock of its own; `deliver` takes the place of making reports, and may fail."""

    runner: Runner
    clock: Clock
    catalog: Catalog
    workspace: str
    made: list[dt.datetime]
    failures: list[Exception]

    def add(self, **fields: Any) -> Schedule:
        """A schedule of every day at 08:00 that was made at 2040-01-01 07:00."""
        given = ScheduleFields(**{"folder": True, "every": "day", **fields})
        made = self.catalog.schedules.add(self.workspace, given)
        return self.catalog.schedules.change(made, created_at=self.clock.at, settled_at=self.clock.at)

    def look(self, at: dt.datetime) -> Schedule:
        """Look at a moment, and see how it stands."""
        self.clock.at = at
        self.runner.look(self.workspace)
        (found,) = self.catalog.schedules.all(self.workspace)
        return found


@pytest.fixture
def bench(house, tenant) -> Bench:
    clock = Clock(dt.datetime(2040, 1, 1, 7, tzinfo=dt.UTC))
    made: list[dt.datetime] = []
    failures: list[Exception] = []

    def deliver(services: Any, server: Any, schedule: Schedule, moment: dt.datetime) -> ReportRun:
        made.append(moment)
        if failures:
            raise failures.pop(0)
        return ReportRun(moment=moment, ended_at=services.now(), outcome="delivered", words="done")

    services = dataclasses.replace(house.services, now=clock)
    runner = Runner(services, None, run=deliver)
    return Bench(runner, clock, house.services.catalog, tenant.workspace.id, made, failures)


def test_a_due_time_is_dealt_with_once_across_restarts(bench, house):
    bench.add()
    due = dt.datetime(2040, 1, 1, 8, tzinfo=dt.UTC)
    bench.look(due - MINUTE)
    assert bench.made == []
    bench.look(due)
    assert bench.look(due + MINUTE).last.outcome == "delivered"
    assert bench.made == [due]
    # What a server that starts now reads from the store knows it too.
    again = Catalog(house.services.engine, bench.clock)
    (kept,) = again.schedules.all(bench.workspace)
    assert (kept.settled_at, kept.last.words) == (due, "done")
    assert kept == bench.catalog.schedules.all(bench.workspace)[0]
    # Down for three days: the last of what was missed, and only that.
    bench.look(due + 3 * DAY + MINUTE)
    bench.look(due + 3 * DAY + 2 * MINUTE)
    assert bench.made == [due, due + 3 * DAY]


@pytest.mark.parametrize("failure", [None, OSError(28, "No space left on device")])
def test_what_could_not_be_noted_is_noted_later_and_made_again_by_a_new_start_only(bench, monkeypatch, failure):
    bench.add()
    due = dt.datetime(2040, 1, 1, 8, tzinfo=dt.UTC)
    bench.failures += [failure] if failure else []
    with monkeypatch.context() as patch:
        patch.setattr(bench.catalog.schedules, "change", lambda *_, **__: (_ for _ in ()).throw(StoreError("full")))
        for seconds in (0, 1, 2, 61):
            bench.look(due + dt.timedelta(seconds=seconds))
    # A mail was sent, perhaps: it is not sent again every second.
    assert bench.made == [due]
    found = bench.look(due + 3 * MINUTE)
    assert (found.attempt.count, found.last) == (1, None) if failure else found.last.outcome == "delivered"
    bench.look(due + 4 * MINUTE)
    assert bench.made == ([due, due] if failure else [due])


def test_what_fails_is_tried_again_later_and_later_and_given_up(bench):
    bench.add(every="month")
    due = dt.datetime(2040, 1, 1, 8, tzinfo=dt.UTC)
    bench.failures += [NotSent("451 later", is_final=False)] * (len(RETRIES_AFTER_S) + 1)
    now = due
    for count, wait_s in enumerate(RETRIES_AFTER_S, 1):
        found = bench.look(now)
        assert (found.attempt.count, found.attempt.words, found.settled_at < due) == (count, "451 later", True)
        bench.look(now + dt.timedelta(seconds=wait_s - 1))
        assert len(bench.made) == count
        now += dt.timedelta(seconds=wait_s)
    found = bench.look(now)
    assert (found.attempt, found.settled_at) == (None, due)
    assert (found.last.outcome, found.last.words) == ("failed", "451 later")
    bench.look(now + DAY)
    assert len(bench.made) == len(RETRIES_AFTER_S) + 1


def test_what_recovers_is_delivered(bench):
    bench.add()
    due = dt.datetime(2040, 1, 1, 8, tzinfo=dt.UTC)
    bench.failures += [OSError(28, "No space left on device"), RuntimeError("a bug with a secret")]
    assert bench.look(due).attempt.words == "the folder: No space left on device"
    assert bench.look(due + MINUTE).attempt.words == "something is wrong; the server's log says what"
    found = bench.look(due + 10 * MINUTE)
    assert (found.attempt, found.last.outcome, found.settled_at) == (None, "delivered", due)


@pytest.mark.parametrize("error", [NotSent("550 no", is_final=True), InvalidInput("nonsense")])
def test_what_can_never_work_is_not_tried_again(bench, error):
    bench.add()
    bench.failures.append(error)
    due = dt.datetime(2040, 1, 1, 8, tzinfo=dt.UTC)
    assert bench.look(due).last.outcome == "failed"
    bench.look(due + 60 * MINUTE)
    assert bench.made == [due]


def test_whoever_asks_gets_one_now_and_the_due_one_too(bench):
    schedule = bench.add()
    bench.clock.at += MINUTE
    asked = bench.catalog.schedules.change(schedule, asked_at=bench.clock.at).asked_at
    found = bench.look(bench.clock.at + MINUTE)
    assert (found.asked_at, found.last.moment, found.settled_at) == (None, asked, schedule.settled_at)
    due = dt.datetime(2040, 1, 1, 8, tzinfo=dt.UTC)
    bench.look(due)
    assert bench.made == [asked, due]


def test_asking_tries_again_at_once_and_only_once(bench):
    schedule = bench.add()
    due = dt.datetime(2040, 1, 1, 8, tzinfo=dt.UTC)
    bench.failures.append(NotSent("451 later", is_final=False))
    assert bench.look(due).attempt is not None
    bench.catalog.schedules.ask(bench.workspace, schedule.id)
    found = bench.look(due + dt.timedelta(seconds=2))
    assert (found.attempt, found.asked_at, found.settled_at) == (None, None, due)
    bench.look(due + dt.timedelta(seconds=3))
    assert bench.made == [due, due]


def test_one_that_is_removed_while_it_is_made_stays_removed(bench, house):
    schedule = bench.add()
    services = dataclasses.replace(house.services, now=bench.clock)

    def deliver(*_: Any) -> ReportRun:
        bench.catalog.schedules.remove(bench.workspace, schedule.id)
        return ReportRun(moment=bench.clock.at, ended_at=bench.clock.at, outcome="delivered", words="")

    bench.clock.at += DAY
    Runner(services, None, run=deliver).look(bench.workspace)
    assert Catalog(house.services.engine, bench.clock).schedules.all(bench.workspace) == []
    with pytest.raises(NotFound):
        bench.catalog.schedules.get(bench.workspace, schedule.id)


def test_one_that_is_removed_while_another_is_made_is_not_delivered(bench, house):
    first, second = bench.add(), bench.add()
    made = []

    def deliver(services: Any, server: Any, schedule: Schedule, moment: dt.datetime) -> ReportRun:
        made.append(schedule.id)
        bench.catalog.schedules.remove(bench.workspace, second.id if schedule.id == first.id else first.id)
        return ReportRun(moment=moment, ended_at=bench.clock.at, outcome="delivered", words="")

    bench.clock.at += DAY
    Runner(dataclasses.replace(house.services, now=bench.clock), None, run=deliver).look(bench.workspace)
    assert len(made) == 1


def test_another_workspace_s_schedules_are_not_there(bench, make_tenant):
    schedule, other = bench.add(), make_tenant().workspace.id
    for look in (bench.catalog.schedules.get, bench.catalog.schedules.ask, bench.catalog.schedules.remove):
        with pytest.raises(NotFound):
            look(other, schedule.id)
    assert bench.catalog.schedules.all(other) == []


def test_there_are_only_so_many(bench, monkeypatch):
    monkeypatch.setattr("turnout.store.schedules.LIMIT_SCHEDULES", 2)
    bench.add()
    bench.add()
    with pytest.raises(TooLarge, match="at most 2"):
        bench.add()


@pytest.fixture
def run(house, sampled, tmp_path, monkeypatch) -> Callable[..., tuple[ReportRun, Path]]:
    """Delivers real reports of the sample on the morning of its last day."""
    # Drawing is tested elsewhere, and takes most of the time.
    monkeypatch.setattr("turnout.reports.document.PANELS", {})

    def deliver(settings: Any = None, **fields: Any) -> tuple[ReportRun, Path]:
        given = dataclasses.replace(settings or house.services.settings, reports_dir=str(tmp_path))
        services = dataclasses.replace(house.services, settings=given, now=lambda: SAMPLED_AT)
        schedule = Schedule(
            **fields, id="abc", workspace=sampled.workspace.id, created_at=SAMPLED_AT, settled_at=SAMPLED_AT
        )
        moment = dt.datetime(2026, 11, 18, 7, tzinfo=dt.UTC)
        return delivery.run(services, mail.server_of(given), schedule, moment), tmp_path / sampled.workspace.id

    return deliver


def test_what_runs_is_reported_on_in_its_range(run, sampled):
    ended, folder = run(folder=True, range="7d")
    assert ended.outcome == "delivered"
    assert sorted(one.name for one in folder.iterdir()) == sorted(ended.files)
    # Those that had events in the seven days before, by the API.
    found = sampled.stats("events", dimensions="campaign", from_="2026-11-11", to="2026-11-18", traffic="all")
    active = {row["campaign"] for row in found["rows"] if row["campaign"]}
    named = {name.removeprefix("2026-11-18-").rpartition("-")[0] for name in ended.files}
    assert active <= named
    (one,) = (folder / name for name in ended.files if "live-show-12" in name)
    text = one.read_text()
    assert "11 Nov 2026 – 17 Nov 2026 (Europe/Berlin)" in text
    viewers = sampled.stats("viewers", campaign="live-show-12", from_="2026-11-11", to="2026-11-18")["totals"]
    assert f'data-name="viewers">{viewers["viewers"]:,}<' in text


def test_a_tag_or_ids_choose_and_who_is_gone_is_said(run, sampled):
    tag = next(one["tags"][0] for one in sampled.client.get("/v1/campaigns").json()["campaigns"] if one["tags"])
    tagged = sampled.client.get("/v1/campaigns", params={"tag": tag}).json()["total"]
    ended, _ = run(folder=True, range="all", tag=tag)
    assert 1 <= len(ended.files) <= tagged
    ended, _ = run(folder=True, range="all", campaigns=("spring-sale", "gone"), format="pdf")
    assert [name[-4:] for name in ended.files] == [".pdf"]
    assert "1 of the campaigns is not there any more" in ended.words
    assert run(folder=True, range="all", campaigns=("gone",))[0].outcome == "nothing"
    assert run(folder=True, range="1d", tag="no such tag")[0].words == "no campaign had events"


def test_reports_go_by_mail(run, postbox, sampled):
    box = postbox()
    ended, folder = run(box.settings(), to=("ada@example.com",), campaigns=("spring-sale",), range="all", format="pdf")
    assert (ended.outcome, ended.words, ended.files) == ("delivered", "sent to 1 address", ())
    assert not folder.exists()
    (message,) = box.messages
    assert "Frühling" in message["Subject"]
    assert (
        message["Message-ID"]
        == f"<turnout.abc.{int(dt.datetime(2026, 11, 18, 7, tzinfo=dt.UTC).timestamp())}@example.com>"
    )
    sent = sampled.stats("sent", campaign="spring-sale")["totals"]["sent"]
    for kind in ("plain", "html"):
        assert f"{sent:,}" in message.get_body((kind,)).get_content()
    (attached,) = message.iter_attachments()
    assert attached.get_content_type() == "application/pdf"
    assert attached.get_content().startswith(b"%PDF-")


def test_several_are_attached_to_one_mail(run, postbox):
    box = postbox()
    box.answers["bob@example.com"] = "550 unknown"
    ended, _ = run(
        box.settings(),
        to=("ada@example.com", "bob@example.com"),
        campaigns=("spring-sale", "sms-flash"),
        range="all",
        subject="Weekly: {{ 7*7 }}",
        folder=True,
    )
    assert ended.outcome == "partly"
    assert ended.words == "sent to 1 address; 2 files written; refused for bob@example.com: 550 unknown"
    (message,) = box.messages
    assert message["Subject"] == "Weekly: {{ 7*7 }}"
    assert [one.get_filename() for one in message.iter_attachments()] == list(ended.files)
    text = message.get_body(("html",)).get_content()
    assert "2 campaigns" in text
    assert text.count('class="figures"') == 2


def test_a_mail_has_a_limit(run, postbox):
    box = postbox()
    with pytest.raises(TooLarge, match="TURNOUT_MAIL_LIMIT_BYTES"):
        run(box.settings(mail_limit_bytes=1000), to=("ada@example.com",), campaigns=("spring-sale",), range="all")
    assert box.messages == []
    with pytest.raises(NotSent, match="no mail server"):
        run(to=("ada@example.com",), campaigns=("spring-sale",), range="all")
