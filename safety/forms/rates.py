"""Supposed true DLT rates, one a level: asked, never kept."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms

from cohorts.queries.words import name_level

OUTSIDE = "A true DLT rate lies between 0 and 1."


class RatesForm(forms.Form):
    """A rate between 0 and 1 for each level, lowest dose first."""

    def __init__(self, *args: Any, levels: Sequence[int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.levels = levels
        for level in levels:
            self.fields[_name(level)] = forms.DecimalField(
                label=f"{name_level(level)}: true DLT rate",
                min_value=Decimal(0),
                max_value=Decimal(1),
                max_digits=6,
                decimal_places=5,
                widget=forms.NumberInput({"step": "any", "inputmode": "decimal"}),
                error_messages={
                    "required": f"{name_level(level)} needs a rate.",
                    "invalid": "Enter a number between 0 and 1, such as 0.25.",
                    "min_value": OUTSIDE,
                    "max_value": OUTSIDE,
                },
            )

    def rates(self) -> dict[int, Decimal]:
        """Level to its rate, once the form is valid."""
        return {level: self.cleaned_data[_name(level)] for level in self.levels}


def _name(level: int) -> str:
    return f"rate_{'minus_' if level < 0 else ''}{abs(level)}"
