"""The charts of the escalation and of Part 2."""

from cohorts.charts.boundary import BoundarySketch, chart_boundary, draw_boundary
from cohorts.charts.ladder import Rung, chart_ladder
from cohorts.charts.path import (
    PathDecision,
    PathMark,
    PathSketch,
    chart_path,
    draw_path,
    path_spec,
    sketch_path,
)
from cohorts.charts.turns import draw_turns

__all__ = [
    "BoundarySketch",
    "PathDecision",
    "PathMark",
    "PathSketch",
    "Rung",
    "chart_boundary",
    "chart_ladder",
    "chart_path",
    "draw_boundary",
    "draw_path",
    "draw_turns",
    "path_spec",
    "sketch_path",
]
