"""A document before it is drawn: sections of blocks. Page, PDF and workbook are made from it alone,
so they cannot say different things.

Everything in it is text. A block is one of `Tiles`, `Lead`, `Notes`, `Table`, `Figure`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Final


@dataclass(frozen=True)
class Tile:
    """A number with its word and who it is about; `shape` stands beside a number that is harm."""

    number: str
    label: str
    who: str = ""
    shape: str = ""


@dataclass(frozen=True)
class Tiles:
    """Numbers in a row."""

    kind: ClassVar[str] = "tiles"
    tiles: tuple[Tile, ...]


@dataclass(frozen=True)
class Lead:
    """A sentence that begins with its point, in bold. `is_harm`: it tells of harm or a stop."""

    kind: ClassVar[str] = "lead"
    point: str
    said: str = ""
    is_harm: bool = False


@dataclass(frozen=True)
class Notes:
    """Sentences one below the other, under a heading of their own or none."""

    kind: ClassVar[str] = "notes"
    said: tuple[str, ...]
    heading: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of text; the first cell of each names it. Without rows, `nothing` says so. `shares`
    are the columns' parts of the width."""

    kind: ClassVar[str] = "table"
    label: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    nothing: str = "None."
    shares: tuple[int, ...] = ()


@dataclass(frozen=True)
class Sign:
    """A line of a legend: what a mark means, and the mark as an `<svg>`."""

    words: str
    svg: str


@dataclass(frozen=True)
class Figure:
    """A chart as an `<svg>`, its words, its legend, and the same data as a table."""

    kind: ClassVar[str] = "figure"
    title: str
    said: str
    svg: str
    legend: tuple[Sign, ...]
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def label(self) -> str:
        """What its table is called."""
        return self.title


Block = Tiles | Lead | Notes | Table | Figure
_BLOCKS: Final[dict[str, type[Any]]] = {
    one.kind: one for one in (Tiles, Lead, Notes, Table, Figure)
}


@dataclass(frozen=True)
class Section:
    """A heading, with a key for its address and its sheet."""

    key: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """`heads` stand on every page, `foot` at the end of each; `cut_at` is the only time in it, so
    the same document is the same bytes."""

    title: str
    heads: tuple[str, ...]
    foot: str
    cut_at: str
    sections: tuple[Section, ...]

    def as_data(self) -> dict[str, Any]:
        """Plain data, each block with its kind."""
        return {
            "title": self.title,
            "heads": list(self.heads),
            "foot": self.foot,
            "cut_at": self.cut_at,
            "sections": [
                {
                    "key": one.key,
                    "title": one.title,
                    "blocks": [{"kind": block.kind, **asdict(block)} for block in one.blocks],
                }
                for one in self.sections
            ],
        }


def document_from(data: dict[str, Any]) -> Document:
    """The document that `as_data` gave."""
    return Document(
        title=data["title"],
        heads=tuple(data["heads"]),
        foot=data["foot"],
        cut_at=data["cut_at"],
        sections=tuple(
            Section(one["key"], one["title"], tuple(_block(block) for block in one["blocks"]))
            for one in data["sections"]
        ),
    )


def _block(data: dict[str, Any]) -> Block:
    values = {name: _frozen(value) for name, value in data.items() if name != "kind"}
    if data["kind"] == Tiles.kind:
        values["tiles"] = tuple(Tile(**one) for one in data["tiles"])
    if data["kind"] == Figure.kind:
        values["legend"] = tuple(Sign(**one) for one in data["legend"])
    made: Block = _BLOCKS[data["kind"]](**values)
    return made


def _frozen(value: Any) -> Any:
    return tuple(_frozen(one) for one in value) if isinstance(value, list) else value


def sentences(document: Document) -> Iterator[str]:
    """Every piece of text in the order in which it is read: what each form of it has to show."""
    yield document.title
    for section in document.sections:
        yield section.title
        for block in section.blocks:
            yield from (said for said in _said(block) if said)


def _said(block: Block) -> Iterator[str]:
    match block:
        case Tiles():
            for tile in block.tiles:
                yield from (tile.number, tile.label, tile.who)
        case Lead():
            yield from (block.point, block.said)
        case Notes():
            yield from (block.heading, *block.said)
        case Table():
            yield from (block.headers if block.rows else (block.nothing,))
            yield from (cell for row in block.rows for cell in row)
        case Figure():
            yield from (block.title, block.said, *(line.words for line in block.legend))
            yield from (block.headers if block.rows else ())
            yield from (cell for row in block.rows for cell in row)
