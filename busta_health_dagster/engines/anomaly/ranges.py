"""Normal ranges out of the detector's rows: per source at an instant, per source and per type by hour of the week."""

from collections.abc import Iterable

import numpy as np

from busta_health_dagster.domain.anomaly import Basis, Metric, NormalRange
from busta_health_dagster.engines.anomaly import learning, thresholds
from busta_health_dagster.engines.anomaly.bank import DetectorBank
from busta_health_dagster.engines.baseline import noise, normal_ranges, profile
from busta_health_dagster.engines.baseline.known_events import Standing
from busta_health_dagster.engines.baseline.units import ITEMS, METRICS, QUALITY, Array


def source_normal_ranges(
    bank: DetectorBank, name: str, metric: Metric, epochs: Iterable[int], standings: Iterable[Standing]
) -> list[NormalRange]:
    """The band of one source's metric at each instant; `standings` are the known events at those instants."""
    row, m = bank.row(name), METRICS.index(metric)
    coef, centre, variance, weight, basis = _source(bank, row, m)
    at = np.fromiter(epochs, dtype=np.int64)
    standing = list(standings)
    kinds = np.array([x.kind for x in standing], dtype=np.int64)
    positions = np.array([x.position for x in standing])
    clock = int(bank.rows.clock[row]) if m == ITEMS else 0
    middle = centre + profile.evaluate(m, coef, at - clock, kinds, positions)
    doubt = _doubt(bank, row, m, weight, at)
    return [
        normal_ranges.normal_range(m, float(u), variance, float(d), basis) for u, d in zip(middle, doubt, strict=True)
    ]


def source_week(bank: DetectorBank, name: str, metric: Metric) -> tuple[NormalRange, ...]:
    """168 bands of one source's metric, Monday 00:00 UTC first."""
    row, m = bank.row(name), METRICS.index(metric)
    coef, centre, variance, weight, basis = _source(bank, row, m)
    clock = int(bank.rows.clock[row]) if m == ITEMS else 0
    return normal_ranges.week(
        m,
        coef,
        centre=centre,
        variance=variance,
        doubt=lambda at: _doubt(bank, row, m, weight, at),
        basis=basis,
        clock=clock,
    )


def type_week(bank: DetectorBank, type_name: str, metric: Metric) -> tuple[NormalRange, ...] | None:
    """168 bands of a type: what its members have in common, and how much they differ. None before any member has a
    fit.
    """
    m = METRICS.index(metric)
    members = bank.members(type_name)
    fitted = members[bank.rows.fit_days[m, members] > 0]
    if not len(fitted):
        return None
    rows = bank.rows
    coef = rows.coef[:, m, fitted].mean(axis=1)
    levels = rows.offset[m, fitted] + rows.level[m, fitted]
    spread = float(levels.std()) if len(fitted) > 1 else 0.0
    variance = float((rows.ar[m, fitted] + rows.white[m, fitted]).mean()) + spread**2
    return normal_ranges.week(
        m,
        coef,
        centre=float(np.median(levels)),
        variance=variance,
        doubt=lambda at: np.zeros(len(at)),
        basis=Basis.TYPE,
    )


def _source(bank: DetectorBank, row: int, m: int) -> tuple[Array, float, float, float, Basis]:
    """(coef, centre, variance, type weight, basis) of a row; one without polls stands on its type."""
    rows = bank.rows
    prior = learning.type_prior(rows, bank.members(bank.sources[row].type), row)
    weight = float(prior.weight[m])
    if rows.n[m, row] < thresholds.WARM:
        ar, white = noise.split(m, prior.noise[m])
        centre = float(prior.offset[m]) if weight else _guess(m)
        return (
            prior.coef[:, m],
            centre,
            ar + white + (0.5 if m != QUALITY else 4.0),
            weight,
            Basis.TYPE if weight else Basis.NONE,
        )
    own = rows.fit_days[m, row] > 0
    basis = Basis.OWN if own else Basis.TYPE if weight else Basis.NONE
    variance = float(rows.ar[m, row] + rows.white[m, row])
    return rows.coef[:, m, row], float(rows.offset[m, row] + rows.level[m, row]), variance, weight, basis


def _guess(m: int) -> float:
    return 90.0 if m == QUALITY else 5.0


def _doubt(bank: DetectorBank, row: int, m: int, weight: float, at: Array) -> Array:
    if bank.rows.n[m, row] < thresholds.WARM:
        ar, white = bank.rows.ar[m, row], bank.rows.white[m, row]
        sigma = float(np.sqrt(ar + white)) or 1.0
        whole = profile.uncertainty(m, np.zeros(profile.SEEN), sigma, 1.0 - 0.7 * weight)
        return np.asarray(whole[profile.doubt_rows(at)])
    return np.asarray(bank.rows.doubt[profile.doubt_rows(at), m, row])
