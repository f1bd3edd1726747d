"""More ways of asking, written by a chat model for a knowledge base that has few."""
