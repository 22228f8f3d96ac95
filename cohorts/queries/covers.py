"""Words that a committee reads without the names of anybody at work in the study."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from cohorts.models import Participant
from ntrust.models import Membership, Site, Study
from ntrust.states import Role

IN_SCREENING: Final = "in screening"
"""Who stands for somebody that has no subject number yet."""
STAFF: Final = "(staff)"
SITE: Final = "(site)"
_SHORTEST = 4
"""A shorter name may be a word, and so may a first name: these are taken out only as they are
written, or in capitals."""
_WORDS: Final = {word.casefold() for role in Role for word in role.label.split()}
"""Accounts may be called by their role; that names nobody."""
_TERMS: Final = frozenset(
    {
        *("AE", "AES", "AESI", "ALT", "AST", "BP", "BSA", "CD", "CK", "CNS", "CR", "CRP", "CRS"),
        *("CT", "CY", "DL", "DLT", "DNA", "ECG", "GI", "HB", "HIV", "HR", "IA", "ICE", "ICU", "IE"),
        *("IG", "IL", "IM", "IT", "IU", "IV", "LD", "LFT", "LN", "MI", "MRI", "MS", "MTD", "NK"),
        *("PCR", "PE", "PI", "PK", "PT", "PTT", "RA", "RBC", "RDE", "RNA", "SAE", "SC", "SD", "SE"),
        *("SI", "SLE", "TB", "TNF", "UTI", "WBC"),
    }
)
"""Initials that are also a term of medicine: taken out only with their points, "A. E."."""


@dataclass(frozen=True)
class Cover:
    """Takes names of staff and sites out of words that people typed, and puts subject numbers in
    the place of screening numbers. Capitals make no difference, except to short and first names."""

    staff: re.Pattern[str] | None
    short: re.Pattern[str] | None
    sites: re.Pattern[str] | None
    screened: re.Pattern[str] | None
    subjects: dict[str, str]

    def of(self, words: str) -> str:
        """The words without those names."""
        for pattern, instead in ((self.staff, STAFF), (self.short, STAFF), (self.sites, SITE)):
            if pattern is not None:
                words = pattern.sub(instead, words)
        if self.screened is not None:
            words = self.screened.sub(lambda found: self.subjects[found[0].casefold()], words)
        return words


def cover_for_packets(study: Study) -> Cover:
    """The cover of a study: everyone who ever held a role in it, and every site's name."""
    people = list(
        Membership.objects.filter(study=study)
        .values_list("user__printed_name", "user__username", "user__email")
        .distinct()
    )
    sites = Site.objects.filter(study=study).values_list("name", "place")
    subjects = {
        screening.casefold(): subject or IN_SCREENING
        for screening, subject in Participant.objects.filter(study=study)
        .exclude(screening_number="")
        .values_list("screening_number", "subject_number")
    }
    names = [name for row in people for name in row]
    names += [name.split()[-1] for name, _, _ in people if len(name.split()) > 1]
    short = [part for row in people for part in _short(*row)]
    return Cover(
        staff=_any_of(names, flags=re.IGNORECASE),
        short=_any_of(short, shortest=2),
        sites=_any_of((name for row in sites for name in row), flags=re.IGNORECASE),
        screened=_any_of(subjects, shortest=1, flags=re.IGNORECASE),
        subjects=subjects,
    )


def _short(printed_name: str, username: str, _email: str) -> Iterator[str]:
    """Parts of a name, a short username, and the initials with and without points."""
    parts = [part for part in printed_name.split() if part.casefold() not in _WORDS]
    for part in [*parts, username]:
        if part[:1].isalpha():
            yield from (part, part.upper())
    letters = [part[0].upper() for part in printed_name.split() if part[0].isalpha()]
    if len(parts) > 1 and len(letters) > 1:
        yield from ("".join(f"{one}." for one in letters), " ".join(f"{one}." for one in letters))
        if (bare := "".join(letters)) not in _TERMS:
            yield bare


def _any_of(
    names: Iterable[str], *, shortest: int = _SHORTEST, flags: int = 0
) -> re.Pattern[str] | None:
    known = sorted(
        {name for name in names if len(name) >= shortest and name.casefold() not in _WORDS},
        key=lambda name: (-len(name), name),
    )
    if not known:
        return None
    return re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, known))})(?![\w-])", flags)
