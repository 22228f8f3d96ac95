"""Fields, checks and results the tests of eligibility share."""

from datetime import date, timedelta
from decimal import Decimal

from cohorts.engine.eligibility import (
    Anchor,
    Comparison,
    Criterion,
    Duration,
    Field,
    FieldKind,
    IsOneOf,
    Kind,
    Result,
    Within,
    judge_criteria,
)
from cohorts.engine.eligibility.checks import Bound

TODAY = date(2026, 3, 1)
INFUSION = Anchor("first_infusion", "infusion 1")
ANCHORS = {"first_infusion": date(2026, 3, 3)}
UPCR = Field(
    "upcr",
    "UPCR",
    FieldKind.NUMBER,
    unit="g/g",
    decimals=2,
    lowest=Decimal(0),
    highest=Decimal(30),
    accepts={"mg/g": Decimal("0.001")},
    valid_days=28,
)
AST = Field(
    "ast",
    "AST",
    FieldKind.NUMBER,
    unit="U/L",
    lowest=Decimal(1),
    highest=Decimal(20000),
    has_upper_limit=True,
    upper_limit_lowest=Decimal(15),
    upper_limit_highest=Decimal(100),
)
EVENT = Field("event", "Myocardial infarction", FieldKind.DATE, may_be_never=True)
HALF_LIFE = Field(
    "half_life",
    "Half-life",
    FieldKind.NUMBER,
    unit="hours",
    decimals=1,
    lowest=Decimal("0.1"),
    highest=Decimal(20000),
    accepts={"days": Decimal(24)},
)
TEST = Field("test", "Test", FieldKind.CHOICE, choices=("negative", "positive"))
DIALYSIS = Field("dialysis", "Dialysis", FieldKind.YES_NO)
OPINION = Field("opinion", "Opinion", FieldKind.JUDGEMENT)
ENOUGH = Comparison(UPCR, Bound.AT_LEAST, Decimal("1.5"))
ON_DIALYSIS = IsOneOf(DIALYSIS, ("yes",))
RECENT = Within(EVENT, Duration(12, "weeks"), INFUSION)


def criterion(check, kind=Kind.INCLUSION, criterion_id="C1", group="general", **more):
    return Criterion(criterion_id, group, kind, "text", check, **more)


def read(check, kind=Kind.INCLUSION, *, today=TODAY, anchors=ANCHORS, allows=False, **results):
    (reading,) = judge_criteria(
        [criterion(check, kind, allows_not_applicable=allows)],
        group="LN",
        results=results,
        anchors=anchors,
        today=today,
    )
    return reading


def upcr(value, days_ago=0):
    return Result(Decimal(value), TODAY - timedelta(days=days_ago))


def on(day, **more):
    return Result(day, **more)
