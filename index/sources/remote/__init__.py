"""Sources that lie elsewhere: websites, Git repositories, works by arXiv id or DOI.

What is fetched is kept in a folder as files, with a record of where each came from, and read from
there like any folder. Nothing is fetched but when a command asks for it.
"""

from __future__ import annotations

from index.sources.remote.addresses import Address, Kind, address_of
from index.sources.remote.client import Fetcher
from index.sources.remote.mirror import Mirror, fetch

__all__ = ["Address", "Fetcher", "Kind", "Mirror", "address_of", "fetch"]
