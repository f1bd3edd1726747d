"""Knowledge bases that hypothesis makes."""

from __future__ import annotations

from hypothesis import strategies as st

from index.types import (
    Caveat,
    DataPoint,
    Faq,
    KnowledgeBase,
    Link,
    Place,
    Practice,
    Source,
    Topic,
)

__all__ = ["knowledge_bases", "slugs", "texts"]

# Anything but lone surrogates, with what upsets parsers more often than chance would have it.
_CHARACTERS = st.one_of(
    st.characters(exclude_categories=["Cs"]),
    st.sampled_from(list("\n\r\t\0\x85\u2028\ufeff:#-'\"\\{}[]&*!|>%@`,?~=<é🙂²×")),
)


def texts(max_size: int = 12) -> st.SearchStrategy[str]:
    """Texts without white space around them."""
    words = st.sampled_from(["null", "no", "1e5", "0x1F", "2026-01-01", "~", "- a", "<<", "1_000"])
    return st.one_of(words, st.text(_CHARACTERS, max_size=max_size)).map(str.strip)


def filled() -> st.SearchStrategy[str]:
    """Texts with something to see in them."""
    return texts().map(lambda text: f"{text}x" if not text[-1:].isprintable() or not text else text)


slugs = st.from_regex(r"[a-z0-9]{1,6}(-[a-z0-9]{1,4}){0,2}", fullmatch=True)


@st.composite
def _topics(draw: st.DrawFn, slug: str) -> Topic:
    ids = draw(st.lists(filled(), max_size=3, unique=True))
    cited = st.lists(st.sampled_from(ids), max_size=2).map(tuple) if ids else st.just(())
    asked = st.lists(filled(), max_size=2).map(tuple)
    url = st.sampled_from(["", "https://x.org/a?b=c#d", "http://é.example/«»"])
    checked = st.sampled_from(["", "paper", "memory"])
    place = draw(
        st.one_of(st.none(), st.builds(Place, filled(), st.lists(filled(), max_size=2).map(tuple)))
    )
    links = draw(st.lists(st.builds(Link, filled(), url), max_size=1).map(tuple))
    places, linked = st.sampled_from([None, place]), st.sampled_from([(), links])
    year = st.one_of(st.none(), st.integers(1000, 2999))
    return Topic(
        slug=slug,
        title=draw(filled()),
        category=draw(texts()),
        description=draw(texts(40)),
        snippet=draw(texts(40)),
        date_modified=draw(texts()),
        sources=tuple(Source(i, draw(filled()), draw(url), draw(year)) for i in ids),
        data_points=tuple(
            draw(
                st.lists(
                    st.builds(
                        DataPoint, filled(), filled(), texts(), texts(), cited, asked, checked
                    ),
                    max_size=2,
                )
            )
        ),
        faqs=tuple(
            draw(
                st.lists(
                    st.builds(Faq, filled(), filled(), cited, asked, checked, places, linked),
                    max_size=2,
                )
            )
        ),
        definition=draw(texts(40)),
        terms=draw(st.lists(filled(), max_size=2, unique=True).map(tuple)),
        practice=tuple(
            draw(
                st.lists(
                    st.builds(Practice, filled(), texts(), texts(), cited, asked, checked),
                    max_size=2,
                )
            )
        ),
        caveats=tuple(draw(st.lists(st.builds(Caveat, filled(), cited), max_size=1))),
        place=place,
        see_also=links,
    )


@st.composite
def knowledge_bases(draw: st.DrawFn) -> KnowledgeBase:
    """Knowledge bases of up to three topics, in the order of their slugs."""
    names = sorted(draw(st.lists(slugs, min_size=1, max_size=3, unique=True)))
    return KnowledgeBase("kb", tuple(draw(_topics(name)) for name in names))
