"""Is a statement borne out by the sources, contradicted by them, or not in them?"""
