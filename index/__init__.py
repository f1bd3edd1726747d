"""Knowledge: what is known and how it is found."""
