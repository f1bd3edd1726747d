"""What a turn asks: the question that stands alone, and whether the evidence can answer it."""
