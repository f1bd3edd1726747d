"""What a question asks, apart from what the asker tells of himself.

People put their circumstances beside what they ask: the machine, the data, the figures of a run,
the text of an error. What answers need not speak of these. A message is cut at its sentences, and
those that ask are kept, with a question mark or without; what is quoted at length is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from index.text.sentences import sentences

__all__ = ["asking_part"]

# Where a sentence begins without a capital.
_LOWER_CASE = re.compile(r"(?<=[^\W\d_](?:[^\W\d_]|[)\"'])[.!…?])\s+(?=[a-z])")
_OPENING = re.compile(
    r"\W*(?:(?:so|and|but|or|then|now|also|well|ok|okay|hi|hey|hello|anyway|basically|quick|dumb|"
    r"stupid|noob|newbie|simple|please|sorry|question|just|any idea|any ideas|can anyone|does "
    r"anyone know|anyone know|not sure|no idea|i wonder|i'm wondering|wondering|tell me|"
    r"i (?:want|need|would like|'d like) to (?:know|understand))\b\W*)*"
    r"(?:why|how|what(?:'s|’s|s)?|which|who(?:'s|’s|se|m)?|when(?! i\b| we\b| my\b| the\b| a\b)|"
    r"where|is|isn['’]?t|are|aren['’]?t|am|was|were|does|doesn['’]?t|do|don['’]?t(?= (?:i|we|they|"
    r"you|the)\b)|did|didn['’]?t|can|can['’]?t|could|couldn['’]?t|should|shouldn['’]?t|would|will|"
    r"has|have(?= (?:i|we|you|they|people|there)\b)|explain|describe|compare|list|define|name|"
    r"walk me|whether)\b",
    re.IGNORECASE,
)
# Words of a quotation or an identifier are the asker's material.
_QUOTED = re.compile(r"\"[^\"]{12,}\"|“[^”]{12,}”|(?<!\w)'[^']{12,}'(?!\w)|```.*?```", re.DOTALL)


def asking_part(question: str) -> str:
    """Return the sentences of a message that ask, joined; all of it where none asks."""
    told = _QUOTED.sub(" … ", question)
    asking = [part for part in _parts(told) if part.endswith("?") or _OPENING.match(part)]
    return " ".join(asking) or told


def _parts(text: str) -> Iterator[str]:
    for start, end in sentences(text):
        yield from (part.strip() for part in _LOWER_CASE.split(text[start:end]))
