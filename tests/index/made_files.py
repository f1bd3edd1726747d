"""Small files of binary formats, made by hand so that a test says all that is in them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence

__all__ = ["archive", "pdf"]

Line = tuple[float, float, str]


def pdf(pages: Sequence[Sequence[Line]], outline: Sequence[tuple[str, int]] = ()) -> bytes:
    """A PDF of one font.

    Args:
        pages: lines of each page: where they begin, in points from the lower left, and their text.
        outline: titles with the number of the page, from 1, that they lead to.
    """
    count = len(pages)
    first_page, first_mark = 4, 4 + 2 * count
    kids = " ".join(f"{first_page + 2 * n} 0 R" for n in range(count))
    last = first_mark + len(outline) - 1
    marks = f"/Outlines {last + 1} 0 R" if outline else ""
    objects = [
        f"<< /Type /Catalog /Pages 2 0 R {marks} >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {count} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for n, lines in enumerate(pages):
        shown = "\n".join(
            f"BT /F1 10 Tf {x} {y} Td ({text.translate(_ESCAPED)}) Tj ET" for x, y, text in lines
        )
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] "
            f"/Contents {first_page + 2 * n + 1} 0 R /Resources << /Font << /F1 3 0 R >> >> >>",
            f"<< /Length {len(shown)} >>\nstream\n{shown}\nendstream",
        ]
    for n, (title, page) in enumerate(outline):
        following = f"/Next {first_mark + n + 1} 0 R" if n + 1 < len(outline) else ""
        objects.append(
            f"<< /Title ({title}) /Parent {last + 1} 0 R {following} "
            f"/Dest [{first_page + 2 * (page - 1)} 0 R /Fit] >>"
        )
    if outline:
        objects.append(f"<< /First {first_mark} 0 R /Last {last} 0 R /Count {len(outline)} >>")
    return _written(objects)


_ESCAPED = str.maketrans({"(": r"\(", ")": r"\)", "\\": r"\\"})


def _written(objects: Sequence[str]) -> bytes:
    out = io.BytesIO()
    out.write(b"%PDF-1.4\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(out.tell())
        out.write(f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1"))
    start = out.tell()
    out.write(f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode())
    out.writelines(f"{place:010} 00000 n \n".encode() for place in places)
    out.write(f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n".encode())
    out.write(b"%%EOF\n")
    return out.getvalue()


def archive(files: Mapping[str, str]) -> bytes:
    """A ZIP archive of text files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in files.items():
            made.writestr(name, text)
    return out.getvalue()
