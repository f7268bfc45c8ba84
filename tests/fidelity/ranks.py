"""Whether two lots of measured times differ: a rank test, and by how much. Standard library only.

By Mann and Whitney (1947), with the normal approximation and the correction for ties; the shift is
the estimator of Hodges and Lehmann (1963). No assumption on how times are spread.
"""

import math
import random
import statistics


def ranks(values):
    """The rank of each value from 1, equal values sharing theirs; and the sum over ties."""
    order = sorted(range(len(values)), key=values.__getitem__)
    given, ties, begin = [0.0] * len(values), 0, 0
    while begin < len(order):
        end = begin
        while end < len(order) and values[order[end]] == values[order[begin]]:
            end += 1
        for place in order[begin:end]:
            given[place] = (begin + 1 + end) / 2
        ties += (end - begin) ** 3 - (end - begin)
        begin = end
    return given, ties


def chance(one, other):
    """How likely so great a difference is between two lots that do not differ, both sides."""
    few, many = len(one), len(other)
    given, ties = ranks([*one, *other])
    won = sum(given[:few]) - few * (few + 1) / 2
    count = few + many
    spread = few * many / 12 * (count + 1 - ties / (count * (count - 1)))
    if spread <= 0:
        return 1.0
    away = abs(won - few * many / 2) - 0.5
    return math.erfc(max(0.0, away) / math.sqrt(2 * spread))


def shift(one, other, pairs_max=40_000):
    """By how much the first lot is larger: the median of differences over all pairs, or over so
    many drawn from them."""
    if len(one) * len(other) <= pairs_max:
        return statistics.median(a - b for a in one for b in other)
    dice = random.Random(1)
    return statistics.median(
        dice.choice(one) - dice.choice(other) for _ in range(pairs_max))


def false_alarms(trials, size, limit, seed):
    """How often two lots of one kind are said to differ at this limit: times as machines give them,
    mostly alike with a long tail."""
    dice = random.Random(seed)
    draw = lambda: [dice.lognormvariate(0, 0.3) + (dice.random() < 0.05) * dice.expovariate(0.1)
                    for _ in range(size)]
    return sum(chance(draw(), draw()) < limit for _ in range(trials))
