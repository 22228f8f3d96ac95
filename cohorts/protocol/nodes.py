"""YAML text to nodes that know their file and line, and the merge of a document with its changes.

A protocol file is plain: no aliases, no tags, no key twice, nothing nested without end. So reading
one takes no more time and room than its length.

A file may name another and what it changes:

    based_on: ntrust-1.yaml
    changes:
      version: A
      stagger: null
      dlt_criteria:
        - {id: D2, clock_hours: 48}
        - {id: D9, remove: true}

Mappings merge field by field; `null` takes a field out. Lists in which everything has an id, key or
ordinal merge by it: what is there is changed, what is new is added at the end, `remove: true` takes
one out. Anything else is replaced.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any, Final

import yaml
from yaml.error import MarkedYAMLError

from ntrust.errors import Refused

MOST_CHARACTERS: Final = 200_000
MOST_DEPTH: Final = 30
IDENTITIES: Final = ("id", "key", "ordinal")
_NULL: Final = "tag:yaml.org,2002:null"
_WORDS_OF_TRUTH: Final = ("true", "yes", "on")


class _PlainLoader(yaml.SafeLoader):
    """Reads plain YAML; what is not plain is an error with its line."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> yaml.Node | None:
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent):
            raise _error(event, "an alias; write the value out")
        if getattr(event, "tag", None) is not None:
            raise _error(event, "a tag; a protocol file is plain YAML")
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise _error(event, f"nested more than {MOST_DEPTH} deep")
        node = super().compose_node(parent, index)
        self.depth -= 1
        _check(node)
        return node


def _error(at: Any, problem: str) -> MarkedYAMLError:
    return MarkedYAMLError(problem=problem, problem_mark=at.start_mark)


def _check(node: yaml.Node | None) -> None:
    if isinstance(node, yaml.ScalarNode) and any(map(_is_unspeakable, node.value)):
        raise _error(node, "a control character")
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _error(key, "a field's name is a word")
            if key.value in seen:
                raise _error(key, f"{key.value} is there twice")
            seen.add(key.value)


def _is_unspeakable(character: str) -> bool:
    """Control characters but line ends and tabs, and halves of characters."""
    return character not in "\n\t" and unicodedata.category(character) in ("Cc", "Cs")


def compose(text: str, *, name: str) -> yaml.Node | None:
    """The nodes of a YAML text; refuses (`bad_protocol`) with file, line and reason."""
    if len(text) > MOST_CHARACTERS:
        raise Refused(
            "bad_protocol",
            f"{name}: {len(text):,} characters; a protocol file has at most {MOST_CHARACTERS:,}.",
        )
    try:
        loader = _PlainLoader(text)
        loader.name = name
        return loader.get_single_node()
    except yaml.YAMLError as error:
        raise refusal(error, name=name) from error


def construct(node: yaml.Node | None, *, name: str) -> Any:
    """The plain data of nodes; refuses (`bad_protocol`) what is no value, such as 30 February."""
    if node is None:
        return None
    try:
        return yaml.SafeLoader("").construct_document(node)
    except yaml.YAMLError as error:
        raise refusal(error, name=name) from error
    except ValueError as error:
        raise Refused("bad_protocol", f"{name}: {error}.") from error


def refusal(error: yaml.YAMLError, *, name: str) -> Refused:
    """What is wrong with a YAML text, as a refusal."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "not YAML"
    where = place(mark) if mark is not None else name
    return Refused("bad_protocol", f"{where}: {problem}.")


def place(mark: yaml.Mark) -> str:
    """A mark in words: file and line."""
    return f"{mark.name}, line {mark.line + 1}"


def field(node: yaml.Node | None, name: str) -> yaml.Node | None:
    """The value of a mapping's field; None when there is none."""
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for key, value in node.value if key.value == name), None)


def merge(base: yaml.Node, changes: yaml.Node) -> yaml.Node:
    """The base with the changes; see the module's text.

    Refuses (`bad_protocol`) to take out what is not there.
    """
    if isinstance(base, yaml.MappingNode) and isinstance(changes, yaml.MappingNode):
        return _merge_mappings(base, changes)
    if isinstance(base, yaml.SequenceNode) and isinstance(changes, yaml.SequenceNode):
        identity = _identity_of([*base.value, *changes.value])
        if identity is not None:
            return _merge_lists(base, changes, identity)
    return changes


def _merge_mappings(base: yaml.MappingNode, changes: yaml.MappingNode) -> yaml.Node:
    merged = {key.value: (key, value) for key, value in base.value}
    for key, value in changes.value:
        if value.tag == _NULL:
            _take_out(merged, key.value, at=key)
        elif key.value in merged:
            merged[key.value] = (key, merge(merged[key.value][1], value))
        else:
            merged[key.value] = (key, value)
    return yaml.MappingNode(base.tag, [*merged.values()], changes.start_mark, changes.end_mark)


def _merge_lists(base: yaml.Node, changes: yaml.Node, identity: str) -> yaml.Node:
    merged = {_name_of(item, identity): item for item in base.value}
    for item in changes.value:
        name = _name_of(item, identity)
        if _is_removal(item):
            _take_out(merged, name, at=item)
        elif name in merged:
            merged[name] = merge(merged[name], item)
        else:
            merged[name] = item
    return yaml.SequenceNode(base.tag, [*merged.values()], changes.start_mark, changes.end_mark)


def _take_out(merged: dict[str, Any], name: str, *, at: yaml.Node) -> None:
    if name not in merged:
        raise Refused("bad_protocol", f"{place(at.start_mark)}: there is no {name} to take out.")
    del merged[name]


def _identity_of(items: list[yaml.Node]) -> str | None:
    """The field by which all items are named; None when they have none in common."""
    return next((name for name in IDENTITIES if items and all(_names(items, name))), None)


def _names(items: list[yaml.Node], name: str) -> Iterator[bool]:
    for item in items:
        yield isinstance(field(item, name), yaml.ScalarNode)


def _name_of(item: yaml.Node, identity: str) -> str:
    return str(getattr(field(item, identity), "value", ""))


def _is_removal(item: yaml.Node) -> bool:
    wanted = field(item, "remove")
    return isinstance(wanted, yaml.ScalarNode) and wanted.value.lower() in _WORDS_OF_TRUTH
