"""Whatever people enter or leave out, what is not known never turns an answer."""

from hypothesis import given, settings
from hypothesis import strategies as st

from cohorts.engine.eligibility import State, is_eligible
from tests.cohorts.criteria_cases import CASES, person
from tests.cohorts.test_ntrust_1_criteria import FORM, GROUPS, judge

ENTERED = {
    key: sorted(
        {value for case in CASES if case.field == key for value in (*case.met, *case.not_met)},
        key=str,
    )
    for key in FORM
}
ENTRIES = st.fixed_dictionaries(
    {}, optional={key: st.sampled_from(values) for key, values in ENTERED.items() if values}
)
# What was never measured counts as inside its range; the one place where less entered says more.
LET_GO = "proteinuria"


@settings(deadline=None, max_examples=60)
@given(
    group=st.sampled_from(GROUPS),
    entries=ENTRIES,
    left_out=st.sets(st.sampled_from([key for key in FORM if key != LET_GO])),
)
def test_leaving_out_an_entry_never_turns_an_answer(group, entries, left_out):
    whole = person(group, **entries)
    part = {key: result for key, result in whole.items() if key not in left_out}

    before, after = judge(group, whole), judge(group, part)

    for known, less in zip(before, after, strict=True):
        assert less.state in (known.state, State.MISSING)
        assert (less.state is State.MISSING) == bool(less.missing)
    assert is_eligible(before) or not is_eligible(after)
