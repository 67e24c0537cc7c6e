"""What a pod should have shown, and how far from it still is normal: the words of an explanation.

Per feature it is told by whichever term of the score says most, so that the numbers shown are those that
made the alarm; where none says anything, by the season when it is known, else by the trailing hour.
"""

from dataclasses import dataclass

import numpy as np

from podvigil.detect.habits.bands import WIDER
from podvigil.detect.habits.deviation import BAND, Habitual
from podvigil.detect.habits.habits import Habits
from podvigil.detect.terms import Terms
from podvigil.window.arrays import Array


@dataclass(frozen=True, slots=True)
class View:
    """(S, F) each, natural units; NaN = nothing is expected. The deviation is signed, asinh sigma."""

    center: Array
    low: Array
    high: Array
    deviation: Array


def of_hour(center: Array, scale: Array, deviation: Array, habits: Habits | None) -> View:
    """The trailing hour's; with habits, traffic moves it and what is usual at this time widens it."""
    up = down = BAND * scale
    if habits is not None:
        center = center + habits.explained
        up = np.maximum(up, WIDER * habits.usual.up * scale)
        down = np.maximum(down, WIDER * habits.usual.down * scale)
    return View(center, center - down, center + up, deviation)


def of_habit(habit: Habitual) -> View:
    """The season's or the siblings'."""
    margin = BAND * habit.scale
    return View(habit.center, habit.center - margin, habit.center + margin, habit.deviation)


def leading(hour: View, habits: Habits, terms: Terms) -> View:
    """Of each feature the view of the term that says most."""
    season, siblings = of_habit(habits.season), of_habit(habits.siblings)
    said = np.stack([terms.season, terms.siblings, terms.hour])
    said[0] = np.where(np.isnan(season.center), -1.0, said[0])
    said[1] = np.where(np.isnan(siblings.center), -1.0, said[1])
    first = said.argmax(axis=0)

    def pick(in_season: Array, beside: Array, of_hour: Array) -> Array:
        picked: Array = np.choose(first, (in_season, beside, of_hour))
        return picked

    return View(
        pick(season.center, siblings.center, hour.center),
        pick(season.low, siblings.low, hour.low),
        pick(season.high, siblings.high, hour.high),
        pick(season.deviation, siblings.deviation, hour.deviation),
    )
