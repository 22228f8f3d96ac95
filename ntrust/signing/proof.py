"""What somebody types to prove who they are, at a signature."""

from __future__ import annotations

from typing import Self


class Proof(str):
    """The password as it was typed, with the identifier and the code typed beside it.

    It goes wherever an action takes the `password` of a signature. It never shows what it holds.
    """

    __slots__ = ("code", "identifier")
    identifier: str
    code: str

    def __new__(cls, password: str, *, identifier: str, code: str = "") -> Self:
        proof = super().__new__(cls, password)
        proof.identifier, proof.code = identifier, code
        return proof

    def __repr__(self) -> str:
        return "Proof(…)"
