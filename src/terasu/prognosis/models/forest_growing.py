"""One survival tree, grown by the log-rank statistic of every possible split, compiled.

Source: Ishwaran et al. 2008, doi 10.1214/08-AOAS169; log-rank splitting: LeBlanc and Crowley 1993, doi
10.2307/2290784
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from terasu.prognosis.survival_data import Array, Flags, Labels

State = NDArray[np.uint64]


@njit(cache=True, nogil=True, error_model="numpy")
def grow(
    columns: Array,
    ranked: Labels,
    when: Labels,
    event: Flags,
    n_times: int,
    in_bag: int,
    tries: int,
    least_patients: int,
    least_events: int,
    seed: int,
) -> tuple[int, Flags, Labels, Array, Labels, Labels, Array, Array]:
    """Grow one tree on ``in_bag`` of n patients, drawn without replacement.

    Args:
        columns: (p, n) features.
        ranked: (p, n) patients in ascending order of each feature.
        when: (n,) number of the n_times distinct event times up to each patient's time.
        tries: features drawn at each node, one after another until so many can split.
        least_patients, least_events: of each child.
    Returns:
        Number of nodes; bag (n,): who was drawn; of each node, with room behind the last: feature (−1: a
        leaf), threshold (to the left where not greater), left, right, gain (χ²); hazard (nodes, n_times):
        steps of the Nelson–Aalen estimate in the leaves.
    """
    p, n = columns.shape
    state = np.empty(1, np.uint64)
    state[0] = seed
    bag = np.zeros(n, np.bool_)
    patients, node_of, drawn = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(p, np.int64)
    for i in range(n):
        patients[i], node_of[i] = i, -1
    for j in range(p):
        drawn[j] = j
    for i in range(in_bag):
        k = i + _draw(state, n - i)
        patients[i], patients[k] = patients[k], patients[i]
        bag[patients[i]], node_of[patients[i]] = True, 0
    most = 2 * (in_bag // max(least_patients, 1)) + 3
    threshold, gain, hazard = np.zeros(most), np.zeros(most), np.zeros((most, n_times))
    feature, left, right = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int64)
    for k in range(most):
        feature[k], left[k], right[k] = -1, -1, -1
    at_risk, events = np.zeros(n_times), np.zeros(n_times)
    node, nodes = 0, 1
    while node < nodes:
        size, deaths = _count(node, node_of, when, event, at_risk, events)
        if size >= 2 * least_patients and deaths >= 2 * least_events:
            best, column, value = _best_split(
                node, node_of, columns, ranked, when, event, at_risk, events, size, deaths,
                tries, least_patients, least_events, drawn, state,
            )  # fmt: skip
            if best > 0:
                feature[node], threshold[node], gain[node] = column, value, best
                left[node], right[node] = nodes, nodes + 1
                for i in range(n):
                    if node_of[i] == node:
                        node_of[i] = nodes if columns[column, i] <= value else nodes + 1
                nodes += 2
        if feature[node] < 0:
            for t in range(n_times):
                if events[t] > 0:
                    hazard[node, t] = events[t] / at_risk[t]
        node += 1
    return nodes, bag, feature, threshold, left, right, gain, hazard


@njit(cache=True, nogil=True, error_model="numpy")
def _count(
    node: int, node_of: Labels, when: Labels, event: Flags, at_risk: Array, events: Array
) -> tuple[int, int]:
    """Patients and events of the node; at risk and events at each time."""
    for t in range(len(at_risk)):
        at_risk[t], events[t] = 0.0, 0.0
    size, deaths = 0, 0
    for i in range(len(when)):
        if node_of[i] != node:
            continue
        size += 1
        if when[i] > 0:
            at_risk[when[i] - 1] += 1
            if event[i]:
                events[when[i] - 1] += 1
                deaths += 1
    for t in range(len(at_risk) - 2, -1, -1):
        at_risk[t] += at_risk[t + 1]
    return size, deaths


@njit(cache=True, nogil=True, error_model="numpy")
def _best_split(
    node: int,
    node_of: Labels,
    columns: Array,
    ranked: Labels,
    when: Labels,
    event: Flags,
    at_risk: Array,
    events: Array,
    size: int,
    deaths: int,
    tries: int,
    least_patients: int,
    least_events: int,
    drawn: Labels,
    state: State,
) -> tuple[float, int, float]:
    """χ², feature and threshold of the best split, χ² 0 if there is none.

    Events less expected events of the left child are a sum over its patients of what ``residual`` holds by
    time; its variance is Σ c Y₁ (Y − Y₁), c = d (Y − d) / (Y² (Y − 1)), kept up to date as patients join.
    """
    m, p = len(at_risk), len(columns)
    alone, shared = np.empty(m), np.empty(m)
    expected, place = np.zeros(m + 1), np.zeros(m + 1, np.int64)
    hazard, k = 0.0, 0
    for t in range(m):  # the node's own event times
        if events[t] > 0:
            y, d = at_risk[t], events[t]
            hazard += d / y
            curve = d * (y - d) / (y * y * (y - 1)) if y > 1 else 0.0
            alone[k], shared[k] = curve * (y - 1), 2 * curve
            k += 1
        expected[t + 1], place[t + 1] = hazard, k
    joined = np.empty(k)
    best, column, value = 0.0, -1, 0.0
    tried = 0
    for step in range(p):
        if tried >= tries:
            break
        other = step + _draw(state, p - step)
        drawn[step], drawn[other] = drawn[other], drawn[step]
        j = drawn[step]
        for t in range(k):
            joined[t] = 0.0
        above, variance, count, dead, before = 0.0, 0.0, 0, 0, -1
        varies = False
        for r in range(columns.shape[1]):
            i = ranked[j, r]
            if node_of[i] != node:
                continue
            if before >= 0 and columns[j, i] > columns[j, before]:
                varies = True
                if (
                    count >= least_patients
                    and size - count >= least_patients
                    and dead >= least_events
                    and deaths - dead >= least_events
                    and variance > 1e-12
                ):
                    chi2 = above * above / variance
                    if chi2 > best * (1 + 1e-12):
                        best, column, value = chi2, j, columns[j, before]
            above += event[i] - expected[when[i]]
            variance += _join(alone, shared, joined, place[when[i]])
            count += 1
            dead += event[i]
            before = i
        tried += varies
    return best, column, value


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _join(alone: Array, shared: Array, joined: Array, upto: int) -> float:
    """One more patient to the left: what the variance grows by; Y₁ is kept in ``joined``."""
    total = 0.0
    for t in range(upto):
        total += alone[t] - shared[t] * joined[t]
        joined[t] += 1
    return total


@njit(cache=True, nogil=True)
def _draw(state: State, below: int) -> int:
    """A whole number from 0 to ``below`` − 1.

    Source: splitmix64, Steele et al. 2014, doi 10.1145/2660193.2660195
    """
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return int(z % np.uint64(below))
