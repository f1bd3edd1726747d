"""What text is made of: tokens, sentences, quantities, opposites; used by every other room."""
