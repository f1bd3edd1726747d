"""Metrics: pure functions, each with its formula and where it comes from.

A metric over an empty set is None, "unscored", never 0: an average leaves it out and says over
how many it was taken. None of these functions uses the product's own checks: numbers, words and
sentences are read here by other means, so that a mistake of the product is not repeated in its
score.
"""
