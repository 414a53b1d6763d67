"""One run of a schedule: its campaigns are reported on, and the reports are written, sent, or both.

A schedule and the moment that it was due enter; what became of it leaves.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from turnout.charts.theme import Spec
from turnout.errors import NotDrawn, TooLarge
from turnout.model import Campaign, Workspace
from turnout.panels import view
from turnout.reports import document, html, mail, pdf
from turnout.reports.document import Document
from turnout.reports.folder import Folder, name_of
from turnout.reports.mail import Attachment, Letter, MailServer
from turnout.reports.schedule import bounds
from turnout.services import Services
from turnout.store.schedules import ReportForm, ReportRun, Schedule

#: Campaigns of one run; the ones that were active last are reported on.
LIMIT_CAMPAIGNS = 20

MEDIA_TYPES: dict[ReportForm, str] = {"html": "text/html", "pdf": "application/pdf"}


@dataclass(frozen=True)
class _Made:
    """Reports of one run, with what is to be said of it; the file of each where it is written or attached."""

    documents: list[Document]
    files: list[bytes]
    notes: list[str]


def rendered(services: Services, made: Document, form: ReportForm) -> bytes:
    """A report in a form. NotDrawn, TooLarge or Overloaded. Blocks."""
    if form == "pdf":
        return pdf.file(made, services.renderer)
    return html.file(made, services.renderer).encode()


def run(services: Services, server: MailServer | None, schedule: Schedule, moment: dt.datetime) -> ReportRun:
    """Make and deliver the reports that were due at `moment`. Blocks.

    NotSent if the mail server took nothing, OSError if the folder can't be written, TurnoutError if the reports can't
    be made. All of it may be done again: files have the same names, the mail the same Message-ID.
    """
    workspace = services.catalog.workspace(schedule.workspace)
    services.writer.settle(workspace.id)
    made = _make(services, workspace, schedule, moment)
    names = _names(schedule, workspace, made, moment)
    said = list(made.notes)
    if not made.documents:
        return _ended(services, moment, "nothing", "; ".join(said) or "no campaign had events")
    written: tuple[str, ...] = ()
    if schedule.folder:
        folder = Folder(services.settings, workspace.id)
        for name, body in zip(names, made.files, strict=True):
            folder.write(name, body)
        written = tuple(names)
        said.insert(0, f"{len(written)} {'file' if len(written) == 1 else 'files'} written")
    refused: dict[str, str] = {}
    if schedule.to:
        refused = _send(services, server, schedule, moment, made, names)
        taken = len(schedule.to) - len(refused)
        said.insert(0, f"sent to {taken} {'address' if taken == 1 else 'addresses'}")
        said += [f"refused for {address}: {words}" for address, words in refused.items()]
    return _ended(services, moment, "partly" if refused else "delivered", "; ".join(said), written)


def _ended(services: Services, moment: dt.datetime, outcome: str, words: str, files: tuple[str, ...] = ()) -> ReportRun:
    return ReportRun(moment=moment, ended_at=services.now(), outcome=outcome, words=words[:1000], files=files)  # type: ignore[arg-type]


# ---- making ------------------------------------------------------------------------------------------


def _make(services: Services, workspace: Workspace, schedule: Schedule, moment: dt.datetime) -> _Made:
    timezone = schedule.timezone or workspace.timezone
    from_ms, to_ms = bounds(schedule.range, moment, timezone)
    campaigns, notes = _campaigns(services, schedule, from_ms, to_ms)
    asked = {"timezone": timezone}
    if from_ms is not None and to_ms is not None:
        asked |= {"from": str(from_ms), "to": str(to_ms)}
    made = _Made([], [], notes)
    has_files = schedule.folder or schedule.format == "pdf" or len(campaigns) > 1
    for campaign in campaigns:
        with document.turn(is_patient=True):
            seen = view.read(services, workspace, campaign, asked)
            one = document.make(seen, services.statistics.ask)
            made.documents.append(one)
            if has_files:
                made.files.append(rendered(services, one, schedule.format))
    return made


def _campaigns(
    services: Services, schedule: Schedule, from_ms: int | None, to_ms: int | None
) -> tuple[list[Campaign], list[str]]:
    """The campaigns of a run, and what is to be said of those that aren't in it."""
    if schedule.campaigns:
        there = [name for name in schedule.campaigns if services.catalog.has_campaign(schedule.workspace, name)]
        gone = len(schedule.campaigns) - len(there)
        notes = [f"{gone} of the campaigns {'is' if gone == 1 else 'are'} not there any more"] if gone else []
        return [services.catalog.campaign(schedule.workspace, name) for name in there], notes
    wanted = {
        one.id: one
        for one in services.catalog.campaigns(schedule.workspace)
        if not one.archived and (not schedule.tag or schedule.tag in one.tags)
    }
    spans = services.events.spans(schedule.workspace)
    active = [
        (span.last_ms, name)
        for name, span in spans.items()
        if name in wanted
        and (to_ms is None or span.first_ms < to_ms)
        and (from_ms is None or span.last_ms >= from_ms)
    ]  # fmt: skip
    chosen = [wanted[name] for _, name in sorted(active, reverse=True)[:LIMIT_CAMPAIGNS]]
    more = len(active) - len(chosen)
    return chosen, [f"{more:,} more campaigns are left out"] if more else []


def _names(schedule: Schedule, workspace: Workspace, made: _Made, moment: dt.datetime) -> list[str]:
    day = moment.astimezone(ZoneInfo(schedule.timezone or workspace.timezone)).date()
    return [name_of(schedule.id, one.view.campaign.id, day, schedule.format) for one in made.documents]


# ---- sending -----------------------------------------------------------------------------------------


def _send(
    services: Services,
    server: MailServer | None,
    schedule: Schedule,
    moment: dt.datetime,
    made: _Made,
    names: Sequence[str],
) -> dict[str, str]:
    if server is None:
        raise mail.NotSent("this server has no mail server to send by (TURNOUT_SMTP_URL)", is_final=True)
    attached = zip(names, made.files, strict=True) if schedule.format == "pdf" or len(made.documents) > 1 else ()
    letter = letter_of(
        services, made.documents, schedule.subject, made.notes,
        [Attachment(name, MEDIA_TYPES[schedule.format], body) for name, body in attached],
    )  # fmt: skip
    name = f"turnout.{schedule.id}.{int(moment.timestamp())}"
    message = mail.message(server, letter, schedule.to, name, services.now())
    limit_bytes = services.settings.mail_limit_bytes
    if len(message.as_bytes()) > limit_bytes:
        hint = "name fewer campaigns, or write to the folder"
        raise TooLarge(f"the mail would have more than {limit_bytes} bytes (TURNOUT_MAIL_LIMIT_BYTES)", hint=hint)
    return mail.send(server, message, schedule.to)


def letter_of(
    services: Services,
    documents: Sequence[Document],
    subject: str,
    notes: Sequence[str],
    attachments: Sequence[Attachment],
) -> Letter:
    """Reports as a mail: one of them is its body, with charts as pictures; of several it has the headline numbers."""
    first = documents[0]
    pictures: dict[str, bytes] = {}
    if len(documents) == 1:
        sources = []
        for part in first.parts:
            picture = _picture(services, part.shown.spec)
            sources.append(f"cid:{part.panel.name}" if picture else "")
            if picture:
                pictures[part.panel.name] = picture
        body = html.mail(first, sources)
    else:
        body = html.summary(documents, first.span, notes)
    what = first.title if len(documents) == 1 else f"{len(documents)} campaigns"
    return Letter(
        subject=subject or f"{mail.one_line(what)}: {first.span}",
        text=_text(documents, notes),
        html=body,
        pictures=pictures,
        attachments=attachments,
    )


def _picture(services: Services, spec: Spec | None) -> bytes:
    if spec is None:
        return b""
    try:
        return services.renderer.picture(spec, "png", "light", scale=2.0)
    except (NotDrawn, TooLarge):
        return b""


def _text(documents: Sequence[Document], notes: Sequence[str]) -> str:
    """For who reads no HTML: titles and headline numbers."""
    lines = [documents[0].span, f"{documents[0].counted} Made {documents[0].made}.", *notes]
    for one in documents:
        lines += ["", mail.one_line(one.title)]
        if not one.figures:
            lines.append("  Nothing happened in this range.")
        width = max((len(figure.card.label) for figure in one.figures), default=0)
        for figure in one.figures:
            rate = f"   {figure.rate_text}" if figure.rate_text else ""
            lines.append(f"  {figure.card.label:<{width}}  {figure.text}{rate}")
    return "\n".join(lines) + "\n"
