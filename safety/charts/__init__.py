"""The charts of people and events, and all charts of a packet."""

from safety.charts.grades import draw_grades
from safety.charts.packets import packet_charts
from safety.charts.swimmer import draw_swimmers
from safety.charts.timeline import draw_timeline

__all__ = ["draw_grades", "draw_swimmers", "draw_timeline", "packet_charts"]
