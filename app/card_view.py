"""Score cards: a take in a line, and all takes side by side."""

from __future__ import annotations

from html import escape

import streamlit as st

from arranger.fills import Fill

from .calls import changed
from .session import Session
from .words import PART_LABELS, bars_label, card_line, card_rows

MARKS = {True: ("in", "✓"), False: ("out", "!"), None: ("", "")}


def summary(session: Session, take: Fill) -> None:
    """What a take is, in a line for each of its parts."""
    share = changed(session, take)
    for one in take.parts:
        source = {"rule": ", by a rule of thumb", "variation": ", a variation"}.get(take.source, "")
        line = f"**{PART_LABELS[one.part]}**: {len(one.notes)} notes, {bars_label(take)}{source}."
        if share is not None:
            line += f" {share:.0%} of its notes are others now."
        st.markdown(f"{line} {card_line(take.card.get(one.part, {}))}")


def cards(session: Session) -> None:
    """Every measure of every take, beside what people play and what a rule of thumb would."""
    takes = [offer.fill for offer in session.offers]
    for one in takes[0].parts:
        columns = [{row["label"]: row for row in card_rows(one.part, take.card.get(one.part, {}))} for take in takes]
        labels = list(dict.fromkeys(label for column in columns for label in column))
        if not labels:
            st.caption(f"{PART_LABELS[one.part]}: nothing was measured.")
            continue
        head = "".join(f"<th>Take {at + 1}</th>" for at in range(len(takes)))
        lines = []
        for label in labels:
            known = next(column[label] for column in columns if label in column)
            cells = "".join(_cell(column.get(label), at == session.chosen) for at, column in enumerate(columns))
            people = f"<td>{escape(known['people'])}</td><td>{escape(known['rule'])}</td>"
            lines.append(f"<tr><td>{escape(label)}</td>{cells}{people}</tr>")
        heading = f"<tr><th>{PART_LABELS[one.part]}</th>{head}<th>People</th><th>Rule</th></tr>"
        table = f'<table class="card">{heading}{"".join(lines)}</table>'
        st.html(f'<div class="scroll" tabindex="0">{table}</div>')
    st.caption("✓: nine of ten human parts lie in this range. The rule of thumb is the least that a take has to beat.")


def _cell(row: dict[str, object] | None, is_shown: bool) -> str:
    if row is None:
        return "<td>–</td>"
    good = row["good"]
    style, mark = MARKS[good if isinstance(good, bool) else None]
    shown = f"{escape(str(row['take']))} {mark}"
    return f'<td class="{style}">{f"<b>{shown}</b>" if is_shown else shown}</td>'
