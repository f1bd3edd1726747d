"""Training of the question and passage encoder, step by step."""
