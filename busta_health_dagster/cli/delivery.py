"""`busta alerts test | drill | outbox`: do the channels work, end to end, and what has not arrived."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from busta_health_dagster.cli.alert_noise import noise
from busta_health_dagster.cli.glyphs import glyph_set
from busta_health_dagster.cli.rollout import rollout
from busta_health_dagster.cli.session import Output, at_home, console, err_console, print_json, session
from busta_health_dagster.cli.silences import silences
from busta_health_dagster.cli.sources import OutputOption
from busta_health_dagster.cli.tables import Columns
from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.domain.units import from_epoch, from_iso
from busta_health_dagster.wording.durations import duration_text, milliseconds_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.domain.documents.delivery import ChannelAnswer, Outbox
    from busta_health_dagster.pipeline.drill.drill import DrillReport, DrillStep, Notified
    from busta_health_dagster.pipeline.drill.storm import StormReport


def register(alerts_app: typer.Typer) -> None:
    """Add the commands to `busta alerts`."""
    alerts_app.command("test")(try_channel)
    alerts_app.command("drill")(drill)
    alerts_app.command("outbox")(outbox)
    alerts_app.command("rollout")(rollout)
    alerts_app.command("noise")(noise)
    alerts_app.command("silences")(silences)


def try_channel(
    context: typer.Context,
    channel: Annotated[str, typer.Argument(help="The channel, by its name in alerts.yaml.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Send one marked message through a channel and report its answer. Example: busta alerts test slack-data"""
    with session(context).monitor(need_store=False) as monitor:
        result = monitor.try_channel(channel)
    if output is Output.JSON:
        print_json(result)
    else:
        _print_test(result)
    if result["answer"] != "delivered":
        raise typer.Exit(1)


def drill(
    context: typer.Context,
    source: Annotated[str | None, typer.Option(help="The source to play; the most important without it.")] = None,
    speed: Annotated[str, typer.Option(help="How much faster than the clock, for instance 60x.")] = "60x",
    channel: Annotated[str | None, typer.Option(help="Try this channel too, though no route names it.")] = None,
    storm: Annotated[int | None, typer.Option(help="So many simulated sources fail in one tick.")] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make a simulated source fail end to end and see who is notified. Example: busta alerts drill --source odds_api"""
    from busta_health_dagster.pipeline.drill.drill import drill as play
    from busta_health_dagster.pipeline.drill.storm import drill_storm

    quiet = output is Output.JSON
    if storm is not None:
        with at_home(context).app(need_store=False) as app:
            blown = drill_storm(app, storm, source=source, channel=channel)
        print_json(blown.as_json()) if quiet else _print_storm(blown)
        raise typer.Exit(0 if blown.passed else 1)
    factor = _speed(speed)
    with at_home(context).app(need_store=False) as app:
        if not quiet:
            console().print(
                "A drill goes through the real rules, routes and channels. Every message is marked DRILL. "
                "PagerDuty gets severity info."
            )
            _print_row("STEP", "EXPECTED", "TOLD", "TOOK", "RESULT", style="bold")
        report = play(app, source=source, speed=factor, channel=channel, on_step=None if quiet else _print_step)
    if quiet:
        print_json(report.as_json())
    else:
        _print_end(report)
    raise typer.Exit(0 if report.passed else 1)


def outbox(
    context: typer.Context,
    retry: Annotated[bool, typer.Option("--retry", help="Send the dead letters again, with their keys.")] = False,
    channel: Annotated[str | None, typer.Option(help="With --retry: only those of this channel.")] = None,
    by: Annotated[str | None, typer.Option(help="Who asks, for the audit log.", show_default="your login")] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """What waits to be sent, and the dead letters, each with its reason; exit 1 if anything is dead. Example: busta alerts outbox"""
    with session(context).monitor(by=by) as monitor:
        if retry:
            again = monitor.retry(channel)
            err_console().print(f"{again} dead letters wait again; the next delivery pass sends them.")
        view = monitor.outbox()
    if output is Output.JSON:
        print_json(view)
    else:
        _print_outbox(view)
    if view["counts"]["dead"]:
        raise typer.Exit(1)


def _speed(text: str) -> float:
    try:
        return float(text.removesuffix("x"))
    except ValueError:
        raise BadInput(f"{text!r} is not a speed; write for instance --speed 60x.") from None


def _shape(ok: bool | None) -> str:
    signs = glyph_set().checks
    return signs["not evaluated"] if ok is None else signs["passed"] if ok else signs["failed"]


def _took(seconds: float | None) -> str:
    return glyph_set().write(milliseconds_text(None if seconds is None else 1000 * seconds))


def _print_test(result: ChannelAnswer) -> None:
    out, answer = console(), result["answer"]
    say = {"delivered": "delivered", "later": "not delivered", "rejected": "rejected"}[answer]
    reason = f" {result['reason'].rstrip('.')}." if result["reason"] else ""
    line = f"{_shape(answer == 'delivered')} {result['channel']}: {say} in {_took(result['took_s'])}.{reason}"
    if answer == "rejected":
        line += " Not retried: it would be rejected again."
    elif answer == "later":
        line += " A real message would be tried again."
    out.print(line, markup=False)
    if answer != "delivered":
        fallback = result["fallback"]
        instead = f"Fallback {fallback}: not used by a test." if fallback else "It has no fallback."
        do = f" Do: {result['remedy'].rstrip('.')}" if result["remedy"] else ""
        where = f" ({result['where']})" if result["where"] else ""
        out.print(f"  {instead}{do}{where}.".replace("..", "."), markup=False)
    if result["dead_since"] is not None:
        since, count, alerts = from_epoch(from_iso(result["dead_since"])), result["dead"], result["dead_alerts"]
        explain = f": busta alerts explain {alerts[0]}" if alerts else ": busta alerts outbox"
        letters = "1 dead letter waits" if count == 1 else f"{count} dead letters wait"
        out.print(f"  {letters} since {since:%a} {since.day} {since:%b %H:%M} UTC{explain}", markup=False)


_WIDE = 110
"""Below so many columns a drill leaves EXPECTED out: what was expected and not sent stands in the result."""


def _print_row(name: str, expected: str, notified: str, took: str, result: str, style: str = "") -> None:
    """One line of a drill. They come one by one as it goes, so their widths are fixed."""
    out = console()
    row = f"{name:<24}{expected:<24}{notified:<16}" if out.width >= _WIDE else f"{name:<20}{notified:<13}"
    out.print(f"   {row}{took:>8}  {result}", markup=False, style=style, soft_wrap=True)


def _print_step(step: DrillStep) -> None:
    notified: Sequence[Notified | None] = step.notified or [None]
    expected = ", ".join(step.expected) or "-"
    for i, one in enumerate(notified):
        name, who = (step.name, expected) if i == 0 else ("", "")
        if one is None:
            _print_row(name, who, "-", _took(step.took_s), f"{_shape(step.ok)} {step.result}")
        else:
            result = one.result if not one.ok or step.name != "acknowledged" else step.result
            _print_row(name, who, one.channel, _took(one.took_s), f"{_shape(one.ok)} {result}")
    if step.notified and not step.ok:
        _print_row("", "", "", "", f"{_shape(False)} {step.result}")


def _print_end(report: DrillReport) -> None:
    out = console()
    for name in report.not_tried:
        label = f"{name} (not on the route)"
        notified = f"{_shape(None)} not tried: add --channel {name}"
        out.print(f"   {label:<47} {'-':<16}{'-':>8}  {notified}", markup=False, soft_wrap=True)
    good = sum(s.ok for s in report.steps)
    verdict = "Passed" if report.passed else "Failed"
    symmetry = " Anyone who was notified that it fired was notified that it ended." if report.passed else ""
    out.print(
        f"{verdict}: {good} of {len(report.steps)} steps, {report.lost} lost, {report.twice} sent twice.{symmetry} "
        f"Took {duration_text(report.took_s)}.",
        markup=False,
    )


def _print_storm(report: StormReport) -> None:
    out = console()
    out.print(f"{report.sources} simulated sources fail in one tick (storm is above {report.limit}).", markup=False)
    stored = f"{report.opened} alerts, {report.transitions} transitions, all stored in {report.stored_s:.2f} s"
    out.print(f"   {'opened':<18}{stored}", markup=False)
    for notified, text in zip(report.notified, report.texts, strict=True):
        out.print(
            f'   {"notification":<18}{notified.channel}: "{text}" {_shape(notified.ok)} {notified.result}', markup=False
        )
    out.print(f"   {'held':<18}{report.held}   reason: storm, {report.opened} opened in one tick", markup=False)
    when = "on time" if report.lag_s <= 0 else "late"
    out.print(f"   {'next tick':<18}{when} (lag {report.lag_s:.1f} s)", markup=False)
    ended = "1 notification" if len(report.ended) == 1 else f"{len(report.ended)} notifications"
    out.print(f"   {'resolved':<18}{report.resolved} alerts, {ended}", markup=False)
    out.print(f"{_shape(report.passed)} {'Passed' if report.passed else 'Failed'}, {report.lost} lost.", markup=False)


def _print_outbox(view: Outbox) -> None:
    out, counts, now = console(), view["counts"], from_iso(view["at"])
    head = f"{counts['waiting']} waiting, {counts['sending']} being sent, {counts['dead']} dead, {counts['done']} delivered"
    oldest = f"; the oldest waits for {duration_text(view['oldest_age_s'])}" if view["oldest_age_s"] else ""
    out.print(f"{head}{oldest}.", markup=False)
    if not view["messages"]:
        return
    table = Columns(
        ("STATE", "CHANNEL", "AGE", "TRIED", "MESSAGE", "WHY"), right=frozenset({"TRIED"}), drop=("MESSAGE",)
    )
    for row in view["messages"]:
        shape = _shape(False) if row["state"] == "dead" else _shape(None)
        age = duration_text(max(0, now - from_iso(row["created_at"])))
        table.add(f"{shape} {row['state']}", row["channel"], age, str(row["attempts"]), row["text"], row["why"])
    out.print(table)
    if counts["dead"]:
        out.print("Correct what is wrong, then: busta alerts outbox --retry", markup=False)
