"""Corrected MOS: against plain loops, against scipy's optimiser, and against planted quality."""

import numpy as np
import pytest
import scipy.optimize

from eval.study.statistics.correction import corrected_mos


def marks(rng, clips=30, raters=20, each=30, bias=0.5, noise=(0.3, 1.5)):
    """Planted (quality, bias, noise) and the marks they give; each rater sees ``each`` clips."""
    quality = 3 + rng.normal(0, 0.8, clips)
    biases, noises = rng.normal(0, bias, raters), rng.uniform(*noise, raters)
    felt = quality[:, None] + biases + rng.normal(0, 1, (clips, raters)) * noises
    values = np.clip(np.round(felt), 1, 5)
    order = rng.permutation(clips)
    for rater in range(raters):
        unseen = np.setdiff1d(np.arange(clips), order[(np.arange(each) + rater * each) % clips])
        values[unseen, rater] = np.nan
    return quality, biases, noises, values


def plain(values):
    """P.913, 12.6, in loops over lists: quality and bias of every clip and rater."""
    clips, raters = range(len(values)), range(len(values[0]))
    there = [(j, i) for j in clips for i in raters if not np.isnan(values[j][i])]

    def mean(pairs):
        pairs = list(pairs)
        return sum(w * x for w, x in pairs) / sum(w for w, _ in pairs)

    quality = [mean((1, values[k][i]) for k, i in there if k == j) for j in clips]
    bias = [mean((1, values[j][k] - quality[j]) for j, k in there if k == i) for i in raters]
    for _ in range(300):
        variance = []
        for i in raters:
            rest = [values[j][i] - quality[j] - bias[i] for j, k in there if k == i]
            variance.append(sum(r * r for r in rest) / len(rest) - (sum(rest) / len(rest)) ** 2)
        quality = [mean((1 / variance[i], values[j][i] - bias[i]) for k, i in there if k == j) for j in clips]
        bias = [mean((1, values[j][i] - quality[j]) for j, k in there if k == i) for i in raters]
    shift = sum(bias) / len(bias)
    return [q + shift for q in quality], [b - shift for b in bias], [v**0.5 for v in variance]


def test_it_equals_p913_written_out():
    *_, values = marks(np.random.default_rng(0), clips=20, raters=10, each=20, noise=(0.7, 1.2))
    values[[3, 8, 9], [1, 1, 7]] = np.nan
    quality, bias, inconsistency = plain(values.tolist())
    mine = corrected_mos(values)
    assert mine.quality == pytest.approx(quality, abs=1e-6)
    assert mine.bias == pytest.approx(bias, abs=1e-6)
    assert mine.inconsistency == pytest.approx(inconsistency, abs=1e-5)


@pytest.mark.parametrize("seen", [30, 12])
def test_it_equals_sureal(seen):
    """Netflix's own code of ITU-T P.913, 12.6; `tests.benchmarks.sureal` compares on its example data too."""
    pytest.importorskip("sureal", reason="needs sureal")
    from tests.reference.sureal_model import projection

    *_, values = marks(np.random.default_rng(seen), each=seen)
    found, theirs = corrected_mos(values), projection(values)
    assert found.quality == pytest.approx(theirs["quality_scores"], abs=1e-9)
    assert found.bias == pytest.approx(theirs["observer_bias"], abs=1e-9)
    assert found.inconsistency == pytest.approx(theirs["observer_inconsistency"], abs=1e-9)
    assert found.error == pytest.approx(theirs["quality_scores_std"], abs=1e-9)


def test_it_is_the_maximum_of_the_likelihood():
    """Li et al. 2020: where everybody saw everything, the solution maximises the likelihood of the model."""
    *_, values = marks(np.random.default_rng(1), clips=15, raters=6, each=15, noise=(0.5, 1.0))

    def surprise(packed):
        quality, bias, log_noise = packed[:15], packed[15:21], packed[21:]
        rest = values - quality[:, None] - bias
        return float((0.5 * rest**2 / np.exp(2 * log_noise) + log_noise).sum())

    mine = corrected_mos(values)
    packed = np.concatenate([mine.quality, mine.bias, np.log(mine.inconsistency)])
    found = scipy.optimize.minimize(surprise, packed, method="BFGS")
    # A bias added to all raters and taken off all clips changes nothing.
    assert found.x[:15] + found.x[15:21].mean() == pytest.approx(mine.quality, abs=0.02)


@pytest.mark.parametrize("each", [30, 15, 8])
def test_with_shrinking_planted_quality_is_recovered_better_than_by_the_plain_mean(each):
    """Also where raters see a part only, at which the bare solution of P.913 fails."""
    rng = np.random.default_rng(each)
    plain_error, corrected_error, bare_error = [], [], []
    for _ in range(25):
        quality, *_, values = marks(rng, each=each)
        for errors, found in (
            (plain_error, np.nanmean(values, 1)),
            (corrected_error, corrected_mos(values, shrink=True).quality),
            (bare_error, corrected_mos(values).quality),
        ):
            off = found - quality
            errors.append(np.sqrt(np.mean((off - off.mean()) ** 2)))
    assert np.mean(corrected_error) < 0.96 * np.mean(plain_error)
    assert np.mean(corrected_error) <= np.mean(bare_error)


@pytest.mark.parametrize("shrink", [False, True])
def test_planted_biases_and_inconsistencies_are_found(shrink):
    rng = np.random.default_rng(5)
    _, bias, noise, values = marks(rng, clips=60, each=60)
    found = corrected_mos(values, shrink)
    assert np.corrcoef(found.bias, bias)[0, 1] > 0.9
    assert np.corrcoef(found.inconsistency, noise)[0, 1] > 0.85
    assert found.bias.mean() == pytest.approx(0, abs=1e-9)
    assert found.quality.mean() == pytest.approx(values.mean(), abs=0.1)  # the level is that of the marks


def test_with_shrinking_one_mark_does_not_make_a_rater_perfect():
    *_, values = marks(np.random.default_rng(7), clips=8, raters=6, each=8)
    lonely = np.full((8, 1), np.nan)
    lonely[0] = 1  # this rater saw one clip only: no residual is left once there is a bias
    values = np.hstack([values, lonely])
    assert corrected_mos(values).inconsistency[6] < 1e-3
    assert corrected_mos(values, shrink=True).inconsistency[6] > 0.3


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("shrink", [False, True])
def test_odd_tables(shrink):
    assert corrected_mos(np.empty((0, 0)), shrink).quality.size == 0
    assert corrected_mos(np.array([[4.0]]), shrink).quality.tolist() == [4.0]
    assert np.isnan(corrected_mos(np.array([[4.0]]), shrink).error[0])
    same = corrected_mos(np.full((3, 4), 2.0), shrink)
    assert same.quality == pytest.approx(2)
    assert same.error == pytest.approx(0, abs=1e-6)
