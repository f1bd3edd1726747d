"""The product at run time: pipeline, chat models, endpoint, page and commands."""
