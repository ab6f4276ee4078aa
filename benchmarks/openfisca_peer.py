"""The peer: OpenFisca, used as its documentation shows it, for the rule of ``benchmarks.population``.

The amounts are a dated parameter by grade and rating. The allowance of a year looks them up before and after the change, counts
the months engaged in both parts, and rounds once, to the fen. ``make bench`` installs it.

Of the ways to look a parameter up by two words the fastest is taken: by grade within each rating that pays. Indexing a node by
both words one after the other goes through a million Python objects, and took ten times as long.
"""

from __future__ import annotations

from datetime import date
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from openfisca_core.entities import build_entity
from openfisca_core.indexed_enums import Enum
from openfisca_core.parameters import ParameterNode
from openfisca_core.periods import DateUnit
from openfisca_core.simulations import Simulation, SimulationBuilder
from openfisca_core.taxbenefitsystems import TaxBenefitSystem
from openfisca_core.variables import Variable

from benchmarks.population import AMOUNTS_FEN, CHANGE_MONTH, GRADES, RATINGS, YEAR, Population

__all__ = ["compute", "prepare", "system"]

FAR = np.datetime64("9999-12-31", "D")

Worker = build_entity(key="worker", plural="workers", label="A worker", is_person=True)


class Grade(Enum):
    none = "none"
    junior = "junior"
    intermediate = "intermediate"
    senior = "senior"
    special = "special"


class Rating(Enum):
    none = "none"
    excellent = "excellent"
    competent = "competent"
    basic = "basic"
    incompetent = "incompetent"


class grade(Variable):
    value_type = Enum
    possible_values = Grade
    default_value = Grade.none
    entity = Worker
    definition_period = DateUnit.YEAR
    label = "Grade of the certificate"


class rating(Variable):
    value_type = Enum
    possible_values = Rating
    default_value = Rating.none
    entity = Worker
    definition_period = DateUnit.YEAR
    label = "Annual rating"


class engaged_from(Variable):
    value_type = date
    entity = Worker
    definition_period = DateUnit.ETERNITY
    label = "First day of the engagement"


class engaged_to(Variable):
    value_type = date
    default_value = date(9999, 12, 31)
    entity = Worker
    definition_period = DateUnit.ETERNITY
    label = "Last day of the engagement"


class allowance(Variable):
    value_type = int
    entity = Worker
    definition_period = DateUnit.YEAR
    label = "Allowance of the year, in fen"

    def formula(worker: Any, period: Any, parameters: Any) -> Any:
        january = np.datetime64(str(period.start), "M")
        months = CHANGE_MONTH - 1
        begin = np.clip((worker("engaged_from", period).astype("datetime64[M]") - january).astype(int), 0, 12)
        end = np.clip((worker("engaged_to", period).astype("datetime64[M]") - january).astype(int) + 1, 0, 12)
        before = np.clip(np.minimum(end, months) - begin, 0, None)
        after = np.clip(end - np.maximum(begin, months), 0, None)
        grades, ratings = worker("grade", period), worker("rating", period)
        first = parameters(period.start).amounts
        second = parameters(period.start.offset(months, DateUnit.MONTH)).amounts
        # Without the library installed, mypy does not know that these are enumerations.
        all_grades, all_ratings = cast(Any, Grade), cast(Any, Rating)
        pairs = [(each, rated) for each in all_grades for rated in all_ratings if (each.name, rated.name) in AMOUNTS_FEN]
        held = [(grades == each) & (ratings == rated) for each, rated in pairs]
        sums = [first[rated.name][each.name] * before + second[rated.name][each.name] * after for each, rated in pairs]
        return (2 * np.select(held, sums, 0).astype(np.int64) + 12) // 24


def system() -> TaxBenefitSystem:
    """The rule with its parameters."""
    found = TaxBenefitSystem([Worker])
    found.add_variables(grade, rating, engaged_from, engaged_to, allowance)
    amounts = {
        rated: {
            each: {
                "values": {
                    f"{YEAR}-01-01": {"value": AMOUNTS_FEN.get((each, rated), (0, 0))[0]},
                    f"{YEAR}-{CHANGE_MONTH:02}-01": {"value": AMOUNTS_FEN.get((each, rated), (0, 0))[1]},
                }
            }
            for each in GRADES
        }
        for rated in RATINGS
    }
    found.parameters = ParameterNode("", data={"amounts": amounts})
    return found


def prepare(rules: TaxBenefitSystem, people: Population) -> Simulation:
    """A simulation with its inputs."""
    simulation = SimulationBuilder.build_default_simulation(rules, len(people.grade))
    simulation.set_input("grade", str(YEAR), people.grade)
    simulation.set_input("rating", str(YEAR), people.rating)
    simulation.set_input("engaged_from", str(YEAR), people.first)
    simulation.set_input("engaged_to", str(YEAR), np.where(np.isnat(people.last), FAR, people.last))
    return simulation


def compute(simulation: Simulation) -> NDArray[np.int64]:
    """Fen, for each worker."""
    return np.asarray(simulation.calculate("allowance", str(YEAR))).astype(np.int64)
