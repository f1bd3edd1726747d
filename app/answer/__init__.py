"""From a question to an answer: the pipeline in which the stages meet, and what each writes."""
