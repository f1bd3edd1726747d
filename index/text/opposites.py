"""Words and their opposites: what tells a direction from the other one."""

from __future__ import annotations

from index.text.corpus_words import corpus_words

__all__ = ["CONTRARIES", "OPPOSITES", "opposed"]

OPPOSITES: tuple[tuple[frozenset[str], frozenset[str]], ...] = tuple(
    (frozenset(left.split()), frozenset(right.split()))
    for left, right in (
        ("more greater higher larger bigger above increase increases increased increasing rise "
         "rises rising raise raises raised grow grows grew growing gain gains exceed exceeds widen "
         "widens "
         "longer deeper wider upper",
         "less fewer lower smaller below decrease decreases decreased decreasing fall falls fell "
         "falling lowers lowered shrink shrinks loss lose loses reduce reduces reduced reducing "
         "drop drops dropped narrow narrows shorter shallower narrower under"),
        ("before earlier prior precedes", "after later follows subsequently"),
        ("faster quicker quickly speeds", "slower slowly slows"),
        ("better outperform outperforms outperformed beat beats improve improves improved stronger",
         "worse underperform underperforms degrade degrades degraded hurt hurts weaker"),
        ("always every", "never none"),
        ("most maximum highest largest best", "least minimum lowest smallest worst"),
        ("cheap cheaper", "expensive costlier dearer"),
        ("first", "last"),
        ("easy easier", "hard harder difficult"),
        ("sharper sharpens sharp", "flatter flattens flat"),
        ("forward", "backward"),
        ("internal inner inside", "external outer outside"),
        ("positive", "negative"),
        *corpus_words("opposites"),
    )
)  # fmt: skip

# Words that can't both be true of one thing, and that often stand side by side all the same.
CONTRARIES: tuple[tuple[frozenset[str], frozenset[str]], ...] = tuple(
    (frozenset(left.split()), frozenset(right.split()))
    for left, right in (
        ("linear linearly", "quadratic quadratically exponential exponentially"),
        ("true correct correctly right", "false wrong wrongly incorrect incorrectly"),
        ("unidirectional autoregressive", "bidirectional"),
        ("dense", "sparse"),
        ("supervised", "unsupervised"),
        ("deterministic deterministically", "stochastic stochastically random randomly"),
        ("frozen fixed", "updated trained"),
        ("discrete", "continuous"),
        ("absolute", "relative"),
        ("symmetric", "asymmetric"),
        ("parallel", "sequential sequentially"),
        ("local", "global"),
        ("static", "dynamic"),
        ("required necessary", "optional unnecessary"),
        ("possible", "impossible"),
        ("finite", "infinite"),
        ("open", "closed"),
        ("empirical empirically", "theoretical theoretically proven proved"),
    )
)


def opposed(one: str, other: str) -> bool:
    """Tell whether two lower-case words are opposites."""
    return any(
        (one in left and other in right) or (one in right and other in left)
        for left, right in (*OPPOSITES, *CONTRARIES)
    )
