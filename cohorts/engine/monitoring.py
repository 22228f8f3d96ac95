"""Continuous toxicity monitoring of the Part 2 expansion cohorts.

A boundary is a map from `n`, participants followed, to the smallest number of them with a DLT at
which enrolment stops. An `n` at which no number stops is left out. (Beware: some published tables
print the largest acceptable number instead.)

Sources: Ivanova, Qaqish & Schell, Biometrics 2005;61:540 (Pocock-type boundary); beta-binomial
monitoring: Thall & Simon, Biometrics 1994;50:337; incomplete beta function: DLMF 8.17.22, evaluated
by Lentz's method.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate
from math import comb, exp, isfinite, lgamma, log, log1p
from typing import Final

Boundary = Mapping[int, int]
"""Participants followed to the smallest rejecting number of DLTs among them."""

_SAME: Final = 1 + 1e-12
"""Two p-values closer than this are one: equal in exact arithmetic, apart by rounding."""

_TOLERANCE: Final = 1e-15
_SMALLEST: Final = 1e-300
_MOST_TERMS: Final = 100_000


class MonitoringError(ValueError):
    """A probability outside its range, a prior that is not positive, or no participants."""


def pocock_boundary(p0: float, alpha: float, nmax: int) -> dict[int, int]:
    """The Pocock-type boundary: the same one-sided level after each participant.

    `p0`: tolerated DLT rate; `alpha`: the most the chance of ever stopping at rate `p0` may be;
    `nmax`: participants. Stops at the smallest number whose one-sided binomial p-value under `p0`
    is at most alpha', the largest level whose exact crossing probability stays within `alpha`.
    """
    _check_rate(p0, "p0")
    _check_rate(alpha, "alpha")
    _check_nmax(nmax)
    tails = {n: _upper_tails(n, p0) for n in range(1, nmax + 1)}
    levels = sorted({tail for tail_of_n in tails.values() for tail in tail_of_n})
    spent = _Spending(tails, p0)
    allowed = bisect_right(levels, alpha * _SAME, key=spent.crossing_at)
    return spent.boundary_at(levels[allowed - 1]) if allowed else {}


class _Spending:
    """What each nominal level costs: its boundary, and the chance of crossing it under `p0`."""

    def __init__(self, tails: Mapping[int, list[float]], p0: float) -> None:
        self._tails = tails
        self._p0 = p0

    def boundary_at(self, level: float) -> dict[int, int]:
        found = {}
        for n, tails in self._tails.items():
            smallest = next((x for x, tail in enumerate(tails) if tail <= level * _SAME), None)
            if smallest is not None:
                found[n] = smallest
        return found

    def crossing_at(self, level: float) -> float:
        return crossing_probability(self.boundary_at(level), self._p0, max(self._tails))


def _upper_tails(n: int, p: float) -> list[float]:
    """P(X >= x) for x = 0..n, X binomial(n, p); summed from the small end."""
    chances = [comb(n, x) * p**x * (1 - p) ** (n - x) for x in range(n, -1, -1)]
    return list(accumulate(chances))[::-1]


def crossing_probability(boundary: Boundary, p: float, nmax: int) -> float:
    """The exact chance of reaching the boundary within `nmax` participants at true rate `p`."""
    if not 0 <= p <= 1:
        raise MonitoringError(f"A true rate lies between 0 and 1, not {p}.")
    _check_nmax(nmax)
    inside = [1.0]
    crossed = 0.0
    for n in range(1, nmax + 1):
        stays, hits = (*inside, 0.0), (0.0, *inside)
        after = [(1 - p) * stay + p * hit for stay, hit in zip(stays, hits, strict=True)]
        stop = boundary.get(n, n + 1)
        crossed += sum(after[stop:])
        inside = [chance if x < stop else 0.0 for x, chance in enumerate(after)]
    return crossed


def beta_boundary(
    prior: tuple[float, float], theta0: float, tau: float, nmax: int
) -> dict[int, int]:
    """The beta-binomial boundary: stops when P(theta > theta0 | x of n) > tau.

    `prior`: a and b of the Beta(a, b) prior, any positive numbers; `theta0`: tolerated rate;
    `tau`: the posterior certainty that stops; `nmax`: participants.
    """
    a, b = prior
    _check_shape(a, b)
    _check_rate(theta0, "theta0")
    _check_rate(tau, "tau")
    _check_nmax(nmax)
    found = {}
    for n in range(1, nmax + 1):
        stop = next(
            (x for x in range(n + 1) if beta_upper_tail(a + x, b + n - x, theta0) > tau), None
        )
        if stop is not None:
            found[n] = stop
    return found


def beta_upper_tail(a: float, b: float, theta: float) -> float:
    """P(Theta > theta) for Theta ~ Beta(a, b); `a` and `b` any positive numbers."""
    _check_shape(a, b)
    if not 0 <= theta <= 1:
        raise MonitoringError(f"A rate lies between 0 and 1, not {theta}.")
    if theta in (0, 1):
        return 1.0 - theta
    if theta < (a + 1) / (a + b + 2):
        return 1 - _beta_series(a, b, theta)
    return _beta_series(b, a, 1 - theta)


def _beta_series(a: float, b: float, x: float) -> float:
    """I_x(a, b), the regularised incomplete beta function, where its fraction converges fast."""
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a
    return front * _continued_fraction(a, b, x)


def _continued_fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1 / _nonzero(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _MOST_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _nonzero(1 + term * d)
            c = _nonzero(1 + term / c)
            value *= c * d
        if abs(c * d - 1) < _TOLERANCE:
            return value
    raise MonitoringError(f"The beta distribution with {a} and {b} is too narrow to evaluate.")


def _nonzero(value: float) -> float:
    return value if abs(value) > _SMALLEST else _SMALLEST


def _check_shape(a: float, b: float) -> None:
    if not (a > 0 and b > 0 and isfinite(a + b)):
        raise MonitoringError(f"A beta distribution needs two positive numbers, not {a} and {b}.")


def _check_rate(value: float, name: str) -> None:
    if not 0 < value < 1:
        raise MonitoringError(f"{name} lies between 0 and 1, not {value}.")


def _check_nmax(nmax: int) -> None:
    if nmax < 1:
        raise MonitoringError(f"At least one participant is needed, not {nmax}.")
