"""What goes around the pictures: a notebook's cell, or a whole page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from fluentml.report.markup import Content, element, join

UNTRUSTED = "Its pictures show once this notebook is trusted, or the cell has run."
HIDDEN = {
    Markup("<svg "): Markup('<span class="picture" hidden="hidden"><svg '),
    Markup("</svg>"): Markup("</svg></span>"),
}


@dataclass(frozen=True)
class Section:
    """A part of a page: its id, its title, and what stands in it."""

    id: str
    title: str
    content: Markup


def fragment(content: Content, text: str) -> Markup:
    """Return what stands in a notebook's cell.

    A notebook that came from elsewhere is not trusted before it has run: styles, scripts and the
    tags of SVG are taken out, and the words of a picture would be left. So pictures are `hidden`
    but for the style, and it is said that there are some.

    Args:
        content: What is shown.
        text: What pictures alone tell, in words.
    """
    shown = join(content)
    untrusted = None
    if "<svg " in shown:
        told = element("pre", text) if "<table" not in shown else None
        untrusted = element("div", told, element("p", UNTRUSTED), class_="untrusted")
        for tag, instead in HIDDEN.items():
            shown = shown.replace(tag, instead)
    return element(
        "div",
        element("style", _file("style.css")),
        untrusted,
        element("div", shown),
        element("script", _file("tables.js")),
        class_="fml",
    )


def page(
    title: str,
    sections: Sequence[Section],
    *,
    kicker: str = "",
    lead: Content = None,
    footer: Content = None,
    bar: Content = None,
) -> str:
    """Return a whole HTML document that needs nothing else.

    Args:
        title: Its heading.
        sections: Its parts, in order.
        kicker: What stands in small letters above the heading.
        lead: What stands below it.
        footer: What stands at the end.
        bar: What stands above all else, such as links to other pages.
    """
    import fluentml

    return str(
        _template().render(
            title=title,
            sections=sections,
            kicker=kicker,
            lead=join(lead),
            footer=join(footer),
            bar=join(bar),
            style=_file("style.css"),
            page_style=_file("page.css"),
            script=_file("tables.js"),
            version=fluentml.__version__,
        )
    )


def tables_script() -> Markup:
    """Return the lines that sort and filter tables, which stand in every page."""
    return _file("tables.js")


@cache
def _file(name: str) -> Markup:
    return Markup(files("fluentml.report").joinpath(name).read_text(encoding="utf-8"))


@cache
def _template() -> Any:
    from jinja2 import Environment

    return Environment(autoescape=True, trim_blocks=True).from_string(_file("page.html"))
