"""Resamples of an AUC by patient: a loop over scikit-learn against the referee's matrix product.

    OPENBLAS_NUM_THREADS=1 python speed/auc_bootstrap.py [--rounds 7]

700 films of 300 women, every score rounded to 3 digits so that some tie; 2,000 resamples stratified by the woman's
label. Both sides draw the women themselves, on one core. The loop is timed over 100 resamples and scaled to 2,000; the
referee does all. Rounds alternate which goes first; a ratio is of one round. Before timing both must give equal values
on the same draws.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from sklearn.metrics import roc_auc_score

from mammomap.eval.intervals import patient_weights
from mammomap.eval.resamples import auc_bootstrap

FILMS, WOMEN, RESAMPLES, LOOPED = 700, 300, 2000, 100


def drawn_set() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, scores, women: every woman has at least a film."""
    rng = np.random.default_rng(0)
    woman = np.sort(np.concatenate([np.arange(WOMEN), rng.integers(0, WOMEN, FILMS - WOMEN)]))
    malignant = (rng.random(WOMEN) < 0.44)[woman]
    return malignant, np.round(rng.normal(size=FILMS) + malignant, 3), woman


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    """Compare values, then times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    y, s, woman = drawn_set()
    strata = np.array([y[woman == w].any() for w in range(WOMEN)])
    films = [np.flatnonzero(woman == w) for w in range(WOMEN)]
    rng = np.random.default_rng(1)

    def loop() -> None:
        for _ in range(LOOPED):
            sides = (np.flatnonzero(strata == label) for label in (False, True))
            women = np.concatenate([rng.choice(side, len(side)) for side in sides])
            chosen = np.concatenate([films[w] for w in women])
            roc_auc_score(y[chosen], s[chosen])

    def product() -> None:
        auc_bootstrap(y, s, woman, patient_weights(woman, RESAMPLES, 1, strata))

    weights = patient_weights(woman, LOOPED, 1, strata)
    plain = [roc_auc_score(*(a.repeat(w[woman].astype(int)) for a in (y, s))) for w in weights]
    print(
        f"largest difference over {LOOPED} resamples: {np.abs(auc_bootstrap(y, s, woman, weights) - plain).max():.1e}"
    )
    loop(), product()
    rows = []
    for k in range(rounds):
        order = (loop, product) if k % 2 else (product, loop)
        took = {call: seconds(call) for call in order}
        rows.append((took[loop] * RESAMPLES / LOOPED, took[product]))
    slow, fast = np.array(rows).T
    ratio = slow / fast
    print(f"{rounds} rounds, {RESAMPLES} resamples of {FILMS} films of {WOMEN} women\n")
    print("| | median | lowest | highest |\n|---|---|---|---|")
    print(
        f"| scikit-learn loop, s (scaled from {LOOPED}) | {np.median(slow):.2f} | {slow.min():.2f} | {slow.max():.2f} |"
    )
    milli = 1000 * fast
    print(f"| referee, drawing included, ms | {np.median(milli):.1f} | {milli.min():.1f} | {milli.max():.1f} |")
    print(f"| ratio | {np.median(ratio):.0f} | {ratio.min():.0f} | {ratio.max():.0f} |")


if __name__ == "__main__":
    main()
