"""Reading a protocol document: YAML text or plain data in, a checked document or a refusal out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from cohorts.protocol.document import ProtocolDocument
from cohorts.protocol.nodes import compose, construct, field, merge, place
from ntrust.errors import Refused
from ntrust.states import EVENT_KINDS


def read_document(text: str, *, name: str) -> ProtocolDocument:
    """Read a whole YAML document; refuses (`bad_protocol`) with file, line, field and reason."""
    tree = compose(text, name=name)
    if field(tree, "based_on") is not None:
        raise Refused(
            "bad_protocol", f"{name} only names its changes to another file: give all of it."
        )
    return validate_document(construct(tree, name=name), name=name, tree=tree)


def read_file(path: Path) -> ProtocolDocument:
    """Read a shipped file, whole or based on another one beside it (see `nodes`).

    Refuses (`bad_protocol`) as `read_document` does; the line is that of the file it stands in.
    """
    tree = _compose_file(path, above=())
    return validate_document(construct(tree, name=path.name), name=path.name, tree=tree)


def _compose_file(path: Path, *, above: tuple[str, ...]) -> yaml.Node | None:
    tree = compose(path.read_text(encoding="utf-8"), name=path.name)
    named, changes = field(tree, "based_on"), field(tree, "changes")
    if tree is None or named is None:
        return tree
    at = place(named.start_mark)
    if len(tree.value) != 2 or changes is None:
        raise Refused("bad_protocol", f"{at}: such a file has based_on and changes, and no more.")
    base = path.parent / str(named.value)
    if base.name != named.value or base.name in (*above, path.name) or not base.is_file():
        raise Refused("bad_protocol", f"{at}: {named.value} is no other file beside {path.name}.")
    under = _compose_file(base, above=(*above, path.name))
    if under is None:
        raise Refused("bad_protocol", f"{base.name} is empty.")
    return merge(under, changes)


def validate_document(data: Any, *, name: str, tree: yaml.Node | None = None) -> ProtocolDocument:
    """Check plain data against the schema; refuses (`bad_protocol`) naming every bad field.

    Stricter than reading one that is stored: a notification of something that the service never
    records is refused.
    """
    try:
        document = ProtocolDocument.model_validate(data)
    except ValidationError as error:
        problems = [
            f"{_place_of(tree, detail['loc'], name)}, "
            f"{'.'.join(map(str, detail['loc'])) or 'document'}: {detail['msg']}"
            for detail in error.errors()
        ]
        raise Refused("bad_protocol", "; ".join(problems) + ".") from error
    _check_kinds(document.notifications, name=name, tree=tree)
    return document


def _check_kinds(kinds: Mapping[str, Any], *, name: str, tree: yaml.Node | None) -> None:
    unknown = [kind for kind in kinds if kind not in EVENT_KINDS]
    if unknown:
        problems = [
            f"{_place_of(tree, ('notifications', kind), name)}, notifications.{kind}: "
            "nothing of that kind is ever recorded"
            for kind in unknown
        ]
        raise Refused("bad_protocol", "; ".join(problems) + ".")


def _place_of(tree: yaml.Node | None, loc: tuple[int | str, ...], name: str) -> str:
    """File and line of the deepest part of the path that exists; the file without a tree."""
    if tree is None:
        return name
    node = tree
    for part in loc:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            child = node.value[part] if part < len(node.value) else None
        else:
            child = field(node, str(part))
        if child is None:
            break
        node = child
    return place(node.start_mark)
