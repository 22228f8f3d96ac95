"""A packet as a document, in the order in which a committee reads it: how many and who, what the
rules say and on whom it hinges, what is new, everyone day by day, the ladder, the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from cohorts.queries.words import name_dose
from safety.queries.packet_pages import PacketPage, time_of
from safety.reports.document import (
    Block,
    Document,
    Figure,
    Lead,
    Notes,
    Section,
    Table,
    Tile,
    Tiles,
)
from safety.reports.packet_news import news_rows
from safety.reports.packet_parts import (
    data_quality,
    decisions,
    deviations,
    dlts,
    events,
    holds,
    people,
    record,
)

Content = Mapping[str, Any]
Figures = Mapping[str, Sequence[Figure]]
"""Charts by the section in which they stand."""
_HARM: Final = "▲"
_DASH: Final = "—"


def packet_document(page: PacketPage, figures: Figures) -> Document:
    """The document of a packet that can be read; `figures` are drawn from the same data cut."""
    content = page.content
    assert content is not None, "older forms are not shown"
    cut = time_of(page.page.cut_at)
    study = page.study.protocol_number or page.study.key
    short = f"{page.page.packet_hash[:8]}…{page.page.packet_hash[-6:]}"
    sections = [
        _section("glance", "How many, how serious, who", _glance(content), figures),
        _section("news", _since(content), _news(page, content), figures),
        _section("days", "Each participant, day by day", _days(figures), figures),
        _section("ladder", "The ladder", [_levels(content)], figures),
        _section("dlts", "Dose-limiting toxicities", dlts(content), figures),
        _section("events", "Adverse events", events(content), figures),
        _section("recommendation", "What the rules say", _recommendation(content), figures),
        _section("lookahead", "What may follow", (), figures),
        _section("part_2", "Toxicity boundary of Part 2", (), figures),
        _section("people", "Who counts", people(content), figures),
        _section("decisions", "Decision history", decisions(content), figures),
        _section("holds", "Holds", holds(content), figures),
        _section("deviations", "Deviations that touch who counts", deviations(content), figures),
        _section("quality", "Data quality", data_quality(content), figures),
        _section("trends", "Laboratory trends", (), figures),
        _section("record", "Record and signatures", record(page), figures),
    ]
    return Document(
        title=f"{_about(content)}: what happened and what follows",
        heads=(
            f"{study} · Safety review {page.review} · data cut {cut} · "
            f"protocol {content['protocol_version']}",
            _subjects(content),
        ),
        foot=(
            f"Sealed {cut} · sha256 {short} · engine {content['engine_version']} · "
            "the same content as the web page"
        ),
        cut_at=page.page.cut_at.isoformat(),
        sections=tuple(one for one in sections if one.blocks),
    )


def _section(key: str, title: str, blocks: Iterable[Block], figures: Figures) -> Section:
    """Charts stand before the tables of their section."""
    return Section(key, title, (*figures.get(key, ()), *blocks))


def _about(content: Content) -> str:
    """The level it is about: where the next participant goes, or where the last ones are."""
    level = content["recommendation"]["level"]
    if level is None:
        seen = [row["level"] for row in content["levels"] if row["enrolled"]]
        level = max(seen, default=None)
    return "The study" if level is None else f"Dose level {level}"


def _subjects(content: Content) -> str:
    """Everybody the packet is about, as short as it can be said."""
    numbers = [row["subject"] for row in content["people"]]
    return f"Subjects {', '.join(numbers)}" if numbers else "No subject yet"


def _glance(content: Content) -> Iterator[Block]:
    levels, found = content["levels"], content["events"]
    dlt = [who for row in levels for who in row["who_has_a_dlt"]]
    treated = sum(row["treated"] for row in levels)
    evaluable = sum(row["evaluable"] for row in levels)
    yield Tiles(
        (
            Tile(str(treated), "treated"),
            Tile(str(evaluable), "evaluable"),
            _harm(len(dlt), "DLT", dlt),
            _harm(found["serious"]["count"], "serious events", found["serious"]["who"], shape=""),
            _harm(found["related"]["count"], "related events", found["related"]["who"], shape=""),
            _harm(found["fatal"]["count"], "fatal", found["fatal"]["who"]),
        )
    )
    yield from _advice(content)
    held = [row for row in content["holds"] if row["state"] == "PLACED"]
    if held:
        said = "; ".join(f"{_where(row)}: {row['reason']}" for row in held)
        yield Lead(f"■ {len(held)} hold{'s' if len(held) > 1 else ''} in force.", said, True)


def _harm(number: int, label: str, who: Sequence[str], *, shape: str = _HARM) -> Tile:
    """A number that is harm as soon as it is not nought."""
    return Tile(str(number), label, ", ".join(sorted(who)), shape if number else "")


def _where(row: Mapping[str, Any]) -> str:
    if row["level"] is not None:
        return f"{row['level_name']} and above"
    return f"site {row['site']}" if row["site"] else "the whole study"


def _advice(content: Content) -> Iterator[Block]:
    """The recommendation in two sentences, and on whom it hinges."""
    advice = content["recommendation"]
    counts = next((row for row in content["levels"] if row["level"] == advice["level"]), None)
    said = []
    if counts is not None:
        said.append(
            f"{counts['dlt']} of {counts['evaluable']} evaluable at {counts['name']} had a DLT, "
            f"{counts['pending']} pending."
        )
    said.append(f"By {advice['rule_name']}.")
    yield Lead(f"Recommendation: {advice['answer'].text}.", " ".join(said))
    bounds = [mark.text for mark in advice["bound_marks"]]
    point = "Already certain, whatever the pending show" if len(bounds) == 1 else "Still possible"
    yield Lead(f"{point}:", f"{'; '.join(bounds)}.")
    if sensitivity := advice.get("sensitivity"):
        if sensitivity["verdict"] == "HINGES":
            yield Lead(f"Hinges on {', '.join(advice['hinges_on'])}.")
        else:
            yield Lead("Robust:", "no single doubtful call changes it.")


def _since(content: Content) -> str:
    changes = content["changes"]
    if not changes:
        return "Since the last review"
    return f"Since review {changes['since_review']} ({time_of(changes['since'])})"


def _news(page: PacketPage, content: Content) -> Iterator[Block]:
    if not content["changes"]:
        yield Notes(("This is the first packet.",))
        return
    yield Table(
        label="What changed since the last review",
        headers=("what", "who", "when"),
        rows=tuple(news_rows(content, page.last)),
        nothing="Nothing changed.",
        shares=(8, 4, 4),
    )


def _days(figures: Figures) -> Iterator[Block]:
    if not figures.get("days"):
        yield Notes(("The charts are being drawn.",))


def _levels(content: Content) -> Table:
    return Table(
        label="How many at each level",
        headers=(
            "level",
            "dose",
            "enrolled",
            "treated",
            "evaluable",
            "pending",
            "DLT",
            "not evaluable",
        ),
        rows=tuple(
            (
                row["name"],
                name_dose(Decimal(row["dose"]), row["unit"]),
                str(row["enrolled"]),
                str(row["treated"]),
                str(row["evaluable"]),
                _who(row["pending"], row["who_is_pending"]),
                _who(row["dlt"], row["who_has_a_dlt"], _HARM),
                _who(row["not_evaluable"], row["who_is_not_evaluable"]),
            )
            for row in reversed(content["levels"])
        ),
        nothing="No level.",
        shares=(2, 4, 3, 3, 3, 4, 4, 4),
    )


def _who(number: int, who: Sequence[str], shape: str = "") -> str:
    """A number with its people: "▲ 1 (P-009)"."""
    if not number:
        return "0"
    return f"{shape} {number} ({', '.join(who)})".strip()


def _recommendation(content: Content) -> Iterator[Block]:
    advice = content["recommendation"]
    yield Lead(f"{advice['answer'].shape} {advice['answer'].text}", f"By {advice['rule_name']}.")
    said = [*advice["reasons"], *advice["flag_names"]]
    said += [f"Suspended: {hold['reason']}" for hold in advice["suspended_by"]]
    if said:
        yield Notes(tuple(said), "Why")
    yield Notes(
        tuple(mark.text for mark in advice["bound_marks"]),
        "Still possible, whatever the pending show",
    )
    if advice["split_lines"]:
        yield Notes(tuple(advice["split_lines"]), "Counts by what is known")
