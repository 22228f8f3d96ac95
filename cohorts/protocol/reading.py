"""Reading a protocol document: YAML text or plain data in, a checked document or a refusal out."""

from __future__ import annotations

from typing import Any

import yaml
from pydantic import ValidationError

from cohorts.protocol.document import ProtocolDocument
from ntrust.errors import Refused


def read_document(text: str, *, name: str) -> ProtocolDocument:
    """Read a YAML document; refuses (`bad_protocol`) with file, line, field and reason."""
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", 0) + 1
        problem = getattr(error, "problem", None) or "not YAML"
        raise Refused("bad_protocol", f"{name}, line {line}: {problem}.") from error
    return validate_document(data, name=name, tree=tree)


def validate_document(data: Any, *, name: str, tree: yaml.Node | None = None) -> ProtocolDocument:
    """Check plain data against the schema; refuses (`bad_protocol`) naming every bad field."""
    try:
        return ProtocolDocument.model_validate(data)
    except ValidationError as error:
        problems = [
            f"{name}{_line_of(tree, detail['loc'])}, "
            f"{'.'.join(map(str, detail['loc'])) or 'document'}: {detail['msg']}"
            for detail in error.errors()
        ]
        raise Refused("bad_protocol", "; ".join(problems) + ".") from error


def _line_of(tree: yaml.Node | None, loc: tuple[int | str, ...]) -> str:
    """ ", line 12" of the deepest part of the path that exists; nothing without a tree."""
    if tree is None:
        return ""
    node = tree
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            child = next((v for k, v in node.value if k.value == part), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            child = node.value[part] if part < len(node.value) else None
        else:
            child = None
        if child is None:
            break
        node = child
    return f", line {node.start_mark.line + 1}"
