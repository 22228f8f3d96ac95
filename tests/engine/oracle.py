"""The 3+3 rules a second time, as plainly as their text, by trying every completion.

Shares no code with cohorts/engine: plain tuples, dictionaries and strings. Slow on purpose.
A state is {level: (n, x, p)} and the current level; an answer is (verdict, level, outcome, mtd).
"""

from collections import namedtuple
from itertools import product

Options = namedtuple(
    "Options",
    "doses min_n confirm complete minus_one at_once with_pending",
)


def answer(options, state, current):
    """The answer of rules 1 to 8, where bounds are needed those of every completion."""
    found = _answer(options, state, current, certain=True)
    if found[0] == "ESCALATE" or found[2] in ("MTD", "MTD_NOT_REACHED"):
        return _answer(options, state, current, certain=len(bounds(options, state, current)) == 1)
    return found


def bounds(options, state, current):
    """The answers over every completion: each pending one as N, T or X, counted by level."""
    per_level = [_completions(counts) for counts in state.values()]
    return {
        _answer(options, dict(zip(state, ended, strict=True)), current, certain=True)
        for ended in product(*per_level)
    }


def bounds_one_by_one(options, state, current):
    """The same, literally: all 3 ** pending assignments of letters."""
    pending = [level for level, (_, _, p) in state.items() for _ in range(p)]
    found = set()
    for letters in product("NTX", repeat=len(pending)):
        ended = {level: [n, x] for level, (n, x, _) in state.items()}
        for level, letter in zip(pending, letters, strict=True):
            ended[level][0] += letter in "NT"
            ended[level][1] += letter == "T"
        done = {level: (n, x, 0) for level, (n, x) in ended.items()}
        found.add(_answer(options, done, current, certain=True))
    return found


def _completions(counts):
    n, x, p = counts
    return {
        (n + no_dlt + dlt, x + dlt, 0) for no_dlt in range(p + 1) for dlt in range(p + 1 - no_dlt)
    }


def _answer(options, state, current, certain):
    # Rule 1
    toxic_levels = [level for level, (_, x, _) in state.items() if x >= 2]
    t = min(toxic_levels) if toxic_levels else None
    below = sorted(level for level in state if t is None or level < t)
    # Rule 8
    if t is not None and options.complete and state[t][2] > 0:
        return ("WAIT", t, None, None)
    # Rule 2
    undecided = [level for level in below if _is_undecided(options, state[level], level, t)]
    passed = None
    if options.with_pending and undecided:
        first = undecided[0]
        next_up = 1 if first == -1 else first + 1
        n, x, p = state[first]
        if below[-1] == next_up and x + p <= 1 and _settled(options, (n, x), first, t):
            passed = first
    candidates = [level for level in undecided if level != passed]
    if candidates:
        w = candidates[0]
    elif below:
        w = below[-1]
    elif t is None or t > 1:
        w = 1
    # Rule 7
    elif t == 1 and options.minus_one:
        return ("DE_ESCALATE", -1, None, None) if current != -1 else ("ENROL", -1, None, None)
    else:
        return ("STOP", None, "NO_TOLERATED_DOSE", None)
    n, x, p = state.get(w, (0, 0, 0))
    if not _settled(options, (n, x), w, t):
        return _rule_5(options, (n, x, p), w, t, current)
    # Rule 6
    w_plus_1 = 1 if w == -1 else w + 1
    may = options.with_pending and undecided == [w] and w == below[-1] and x + p <= 1
    if w_plus_1 == t:
        return ("STOP", None, "MTD", w) if certain else ("WAIT", w, None, None)
    if w == options.doses:
        return ("STOP", None, "MTD_NOT_REACHED", w) if certain else ("WAIT", w, None, None)
    return ("ESCALATE", w_plus_1, None, None) if certain or may else ("WAIT", w, None, None)


def _rule_5(options, counts, w, t, current):
    n, x, p = counts
    cap = 3 if n < 3 and not options.at_once else _target(options, x, w, t)
    if n + p >= cap:
        return ("WAIT", w, None, None)
    if t is not None and current >= t:
        return ("DE_ESCALATE", w, None, None)
    if cap == 6 and (n + p == 3 or (n + p < 3 and x == 1)):
        return ("EXPAND_COHORT", w, None, None)
    return ("ENROL", w, None, None)


def _is_undecided(options, counts, level, t):
    _, x, p = counts
    if x + p == 0:
        return False
    return any(not _settled(options, (n2, x2), level, t) for n2, x2, _ in _completions(counts))


def _target(options, x, level, t):
    if x == 1:
        return 6
    if x == 0 and level == options.doses and options.confirm:
        return 6
    if x == 0 and t is not None and options.min_n == 6:
        return 6
    return 3


def _settled(options, counts, level, t):
    n, x = counts
    if n >= 6 and x <= 1:
        return True
    return x == 0 and n >= 3 and _target(options, x, level, t) == 3
