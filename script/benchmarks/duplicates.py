"""How long the search for likely duplicates takes among many families, and how much memory it wants."""

from __future__ import annotations

import random
import resource
from itertools import accumulate

import _house
from _figures import Figure
from django.db import connection, transaction

from crm.folding import fold
from crm.jobs import find_duplicates
from crm.models import ContactPoint, Duplicate, Family, FamilyText, Member


def _list(words: str) -> list[str]:
    return words.split()


FIRST = _list("Al Bar Cor Dun Ever Fair Gar Hart Ing Kel Lam Mar Nor Oak Pem Quin Rad Stan Thorn Wal")
MIDDLE = ["", *_list("a e i o u an en on er ar")]
LAST = _list("by don ell field gate ham kins ley man nett ow per ridge sen ton vane well wick wood worth")
GIVEN = _list("Ad Ben Cle Dar El Fem Gra Han Iv Jon Kem Len Mat Ngo Om Pri Ros Sam Tes Yus")
ENDINGS = _list("a an e el en i ia in o on u y ah er is")
PLANTED = 50
"""One family in so many stands there twice, spelt a little otherwise."""
SWITCHBOARD = "+442079460000"


def run(families: int, _interactions: int) -> list[Figure]:
    """Names are as unevenly common as in life, and one family in ten gives the number of the school."""
    planted = _people(families)
    figures = []
    for turn in ("first run", "second run"):
        before = _peak()
        found = find_duplicates()
        figures += [
            Figure(f"{turn}: seconds", found.seconds, "s", at_most=120),
            Figure(f"{turn}: pairs compared for each family", found.compared / found.families, "pairs"),
            Figure(f"{turn}: likely pairs", found.pairs, "pairs"),
            Figure(f"{turn}: growth of the peak of memory", _peak() - before, "MB", at_most=100),
        ]
    pairs = Duplicate.objects.filter(second__external_ref__startswith="TWIN-")
    again = sum(
        second == f"TWIN-{first[2:]}"
        for first, second in pairs.values_list("first__external_ref", "second__external_ref")
    )
    figures.append(Figure("planted pairs that were found", 100 * again / planted, "%"))
    return figures


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _people(count: int) -> int:
    """Families of three, every fiftieth twice; answers how many were planted."""
    chance = random.Random(5)
    surnames = [f"{one}{middle}{end}" for one in FIRST for middle in MIDDLE for end in LAST]
    given = [f"{one}{end}" for one in GIVEN for end in ENDINGS]
    chance.shuffle(surnames)
    weights = {
        len(names): list(accumulate(1 / (rank + 8) for rank in range(len(names)))) for names in (surnames, given)
    }

    def common(names: list[str]) -> str:
        return chance.choices(names, cum_weights=weights[len(names)])[0]

    planted = 0
    for start in range(0, count, _house.BATCH):
        made = []
        for number in range(start, min(count, start + _house.BATCH)):
            surname = common(surnames)
            made.append((f"F-{number:06d}", surname, [f"{common(given)} {surname}" for _one in range(3)], number))
            if number % PLANTED == 0:
                people = [name.replace("ar", "aar", 1) if "ar" in name else name + "e" for name in made[-1][2]]
                made.append((f"TWIN-{number:06d}", surname, people[:2], -1))
                planted += 1
        with transaction.atomic():
            _write(made)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return planted


def _write(made: list[tuple[str, str, list[str], int]]) -> None:
    rows = Family.objects.bulk_create(Family(external_ref=ref, name=f"{name} family") for ref, name, *_rest in made)
    told = list(zip(rows, made, strict=True))
    Member.objects.bulk_create(
        Member(family=row, name=name) for row, (_ref, _name, people, _n) in told for name in people
    )
    FamilyText.objects.bulk_create(
        FamilyText(family=row, text=fold(" ".join([row.name, *people]))) for row, (_ref, _name, people, _n) in told
    )
    ContactPoint.objects.bulk_create(
        ContactPoint(family=row, channel=channel, value=value)
        for row, (_ref, _name, _people, number) in told if number >= 0
        for channel, value in (
            ("email", f"family{number}@example.org"),
            ("phone", SWITCHBOARD if number % 10 == 0 else f"+4477{number:08d}"),
        )
    )  # fmt: skip
