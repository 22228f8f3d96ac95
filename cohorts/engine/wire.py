"""Engine answers as plain data with the JSON names of the command line and the API."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from cohorts.engine.design import Answer, Design, Recommendation, Tallies
from cohorts.engine.lookahead import Node

Plain = dict[str, Any]


def design_as_dict(design: Design) -> Plain:
    """Every option of the design, by its name."""
    return asdict(design)


def answer_as_dict(answer: Answer) -> Plain:
    return {
        "verdict": answer.verdict,
        "level": answer.level,
        "outcome": answer.outcome,
        "mtd": answer.mtd,
    }


def recommendation_as_dict(advice: Recommendation) -> Plain:
    return {
        "verdict": advice.verdict,
        "level": advice.level,
        "rule": advice.rule,
        "stopped": advice.is_stopped,
        "mtd": advice.mtd,
        "outcome": advice.outcome,
        "flags": list(advice.flags),
        "bounds": [answer_as_dict(answer) for answer in advice.bounds],
        "reasons": list(advice.reasons),
    }


def tallies_as_dict(tallies: Tallies) -> Plain:
    """Counts by level, lowest dose first."""
    return {str(level): tallies[level]._asdict() for level in sorted(tallies)}


def node_as_dict(node: Node) -> Plain:
    """A look-ahead tree. `probability` is that of the turn, given the node above."""
    return {
        "happened": [
            {"level": level, "participants": ended, "dlts": dlts}
            for level, (ended, dlts) in node.happened.items()
        ],
        "probability": node.chance,
        "tallies": tallies_as_dict(node.tallies),
        **answer_as_dict(node.advice.answer),
        "rule": node.advice.rule,
        "children": [node_as_dict(child) for child in node.children],
    }
