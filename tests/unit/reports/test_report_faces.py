"""One model, many faces: each is compared with its golden file, and none lets a text from outside become markup."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from dataclasses import asdict, replace
from html.parser import HTMLParser

import pytest
from channel_stories import delivery
from hypothesis import given
from hypothesis import strategies as st
from report_stories import EMPTY, FALL_BACK, FIRST, FULL, HOSTILE, NO_SOURCES

from busta_health_dagster.channels import mail_payload, slack_payload
from busta_health_dagster.domain.notification import Notification, NotificationKind
from busta_health_dagster.domain.report import WeeklyReport
from busta_health_dagster.reports import findings, html, mail, markdown, message, picture, tables, text
from busta_health_dagster.reports.view import View
from busta_health_dagster.wording import glyphs

SENDER, TO = "busta <health@example.com>", ("oncall@example.com",)
WEEKS = {"full": FULL, "first": FIRST, "empty": EMPTY, "no_sources": NO_SOURCES, "fall_back": FALL_BACK}


class Tags(HTMLParser):
    """Every tag that is opened, and whether all of them are closed again."""

    VOID = frozenset({"meta", "br", "img", "rect", "path", "circle"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


def parsed(document: str) -> Tags:
    tags = Tags()
    tags.feed(document)
    assert tags.open == []
    return tags


@pytest.mark.parametrize("name", ["full", "first", "empty"])
def test_the_faces_say_what_the_golden_files_say(name, golden):
    report = WEEKS[name]
    golden(f"{name}.html", html.page(report))
    golden(f"{name}.txt", text.plain(report))
    golden(f"{name}.md", markdown.markdown(report, with_picture=False))
    golden(f"{name}-mail.html", mail.body(report))
    golden(
        f"{name}-chat.json",
        json.dumps(asdict(message.short(report)) | {"text": ""}, indent=1, ensure_ascii=False) + "\n",
    )


def test_the_tables_for_other_programs_are_golden_too(golden):
    golden("full.json", json.dumps(tables.as_json(FULL), indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    golden("full-sources.csv", tables.sources_csv(FULL))
    golden("full-incidents.csv", tables.incidents_csv(FULL))


@pytest.mark.parametrize("name", WEEKS)
def test_every_week_reads_in_every_face_and_survives_as_json(name):
    report = WEEKS[name]
    assert WeeklyReport.from_json(report.to_json()) == report
    parsed(html.page(report))
    parsed(mail.body(report))
    assert max(map(len, text.plain(report).splitlines())) <= text.WIDTH
    assert "None" not in text.plain(report)
    assert re.search(r"\b(nan|None)\b", html.page(report)) is None
    assert markdown.markdown(report).startswith("## ")


def test_the_page_needs_nothing_from_anywhere_and_runs_nothing():
    page = parsed(html.page(FULL))
    assert {tag for tag, _ in page.seen}.isdisjoint({"script", "link", "img", "iframe", "form"})
    assert all("onclick" not in attrs and "src" not in attrs for _, attrs in page.seen)
    assert "@import" not in html.page(FULL)
    assert "url(" not in html.page(FULL)


def test_what_others_wrote_is_never_markup():
    for document in (html.page(FULL), mail.body(FULL)):
        assert "<script>" not in document
        assert "&lt;script&gt;" in document
    said = markdown.markdown(FULL, with_picture=False)
    assert "\\<script>" in said
    assert "\\[x\\]" in said
    (row,) = [r for r in csv.reader(io.StringIO(tables.incidents_csv(FULL))) if r[1] == "INC-1041"]
    assert row[-1] == f"'{HOSTILE}"


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@sum", "\tx", "\rx"])
def test_a_text_that_a_spreadsheet_would_run_is_quoted_and_a_negative_number_is_a_number(cell):
    row = replace(FULL.incidents.rows[0], cause=cell)
    report = replace(FULL, incidents=replace(FULL.incidents, rows=(row,)))
    assert list(csv.reader(io.StringIO(tables.incidents_csv(report), newline="")))[1][-1] == "'" + cell.replace(
        "\r", " "
    )
    lost = next(csv.DictReader(io.StringIO(tables.sources_csv(FULL))))
    assert float(lost["budget_left"]) == FULL.sla[0].budget_left < 0


def test_every_chart_has_a_table_twin_with_the_same_sources():
    page = html.page(FULL)
    for rows, heading in ((FULL.response, "Response time"), (FULL.quality, "Quality")):
        section = page.split(f"<h2>{heading}</h2>")[1].split("</section>")[0]
        assert section.count('<svg class="p"') == len(rows) == section.count('<th scope="row">')
        assert section.count('aria-hidden="true"') == len(rows)


def test_pictures_of_the_mail_have_the_finding_as_their_alternative_text():
    pictures = [attrs for tag, attrs in parsed(mail.body(FULL)).seen if tag == "img"]
    assert [p["src"] for p in pictures] == ["cid:response", "cid:quality"]
    assert pictures[0]["alt"].startswith(findings.response(FULL))
    assert pictures[1]["alt"].startswith(findings.quality(FULL))


def test_no_verdict_is_told_by_colour_alone():
    page = html.page(FULL)
    for row in FULL.sla:
        cells = page.split(f" {row.source}</th>")[1].split("</tr>")[0]
        assert row.words in cells
    assert [glyphs.STATUS[r.status] for r in FULL.sla] == ["■", "▲", "●", "○"]


def test_the_pictures_are_small_and_the_same_every_time():
    hot = View(FULL).context()["hot_response"]
    wide = replace(FULL.response[0], source="a_source_with_a_name_that_is_far_too_long_for_a_panel")
    panels = picture.response_panels(FULL, hot) * 4 + picture.response_panels(replace(FULL, response=(wide,)), hot)
    first, second = (picture.multiples(panels, FULL.week.since) for _ in range(2))
    assert first == second
    assert first.startswith(b"\x89PNG")
    assert len(first) <= picture.MOST_BYTES


def test_the_asset_has_one_picture_in_its_markdown():
    said = markdown.markdown(FULL)
    assert said.count("](data:image/png;base64,") == 1
    picture_bytes = base64.b64decode(said.split("base64,")[1].split(")")[0])
    assert len(picture_bytes) <= 60_000
    assert len(said) - len(picture_bytes) * 4 / 3 < 30_000


def test_a_mail_is_text_html_pictures_and_tables():
    notification = Notification(NotificationKind.REPORT, FULL.written_at, report=message.whole(FULL))
    sent = mail_payload.payload(delivery(notification), SENDER, TO)
    assert sent["Subject"] == "Week 47: 2 of 3 sources met their SLA; weather_api did not (1 source without a verdict)"
    assert [p.get_content_type() for p in sent.walk() if not p.is_multipart()] == [
        "text/plain",
        "text/html",
        "image/png",
        "image/png",
        "text/csv",
        "text/csv",
    ]
    assert [p.get_filename() for p in sent.iter_attachments()] == ["sources-2026-W47.csv", "incidents-2026-W47.csv"]
    body = sent.get_body(("plain",)).get_content()
    assert max(map(len, body.splitlines())) <= 76
    assert len(mail.body(FULL).encode()) < 102_000


def test_chat_gets_the_verdict_what_is_open_the_table_and_the_link():
    notification = Notification(
        NotificationKind.REPORT, FULL.written_at, report=message.short(FULL), base_url=FULL.base_url
    )
    blocks = slack_payload.payload(notification, "report-weekly-2026-W47-slack")["blocks"]
    assert [b["type"] for b in blocks] == ["header", "section", "section", "actions", "context"]
    said = blocks[1]["text"]["text"]
    assert "*Still open, worst first* \n■ weather_api down since 02:30 today, not acknowledged." in said
    assert "*To decide* \n1. pfr_stats: 3 confirmations instead of 2" in said
    assert "■ missed" in blocks[2]["text"]["text"]
    assert blocks[3]["elements"][0]["url"] == "https://health.example.com/source-health/reports/2026-W47"
    assert message.short(FULL).html == ""
    assert message.short(FULL).attachments == ()


def test_a_thousand_sources_are_cut_and_counted_never_dropped_silently():
    many = tuple(replace(FULL.sla[0], source=f"source_{k:04d}") for k in range(1000))
    report = replace(FULL, sla=many, sources=1000)
    assert "960 more rows" in text.plain(report)
    assert "960 more rows" in mail.body(report)
    assert "980 more sources in the report" in message.short(report).table
    assert html.page(report).count('class="hot"><th') == 1000
    assert len(tables.sources_csv(report).splitlines()) == 1001


@given(st.text(min_size=1, max_size=90), st.text(max_size=200))
def test_whatever_a_source_is_called_and_says_the_text_stays_within_76_columns(name, reason):
    name = "".join(c if c.isalnum() and c.isascii() else "_" for c in name)[:63]
    item = replace(FULL.open[0], source=name, reason=" ".join(reason.split()), feeds=(name,), runbook="")
    rows = (replace(FULL.sla[0], source=name), *FULL.sla[1:])
    incident = replace(FULL.incidents.rows[0], source=name, cause=" ".join(reason.split()))
    report = replace(
        FULL,
        open=(item,),
        sla=rows,
        incidents=replace(FULL.incidents, rows=(incident,)),
        base_url="",
        response=(replace(FULL.response[0], source=name),),
        quality=(replace(FULL.quality[0], source=name),),
    )
    assert max(map(len, text.plain(report).splitlines())) <= 76
    parsed(html.page(report))
