"""From the tree to closures.

What the definitions know is worked out here once, so that evaluating is little more than looking into dicts: an element
that may occur once needs no list, and the values of a choice are looked for under the name of their type.
"""

from __future__ import annotations

from typing import Final

from adapter.r4.fhirpath.code import INTEGER, NOTHING_AT_ALL, STRING, Argument, Code, Scope, this
from adapter.r4.fhirpath.functions import call
from adapter.r4.fhirpath.grammar import Call, FHIRPathError, Indexer, Literal, Member, Node, Operator, TypeTest, Variable
from adapter.r4.fhirpath.operators import OPERATORS, signed, within
from adapter.r4.fhirpath.paths import as_type, indexed, is_type, join, member
from adapter.r4.fhirpath.tree import ABSTRACT, ancestry, step, type_of_name

# What `%name` stands for beside the resources: https://hl7.org/fhir/R4/fhirpath.html#variables
CONSTANTS: Final = {
    "%ucum": "http://unitsofmeasure.org",
    "%sct": "http://snomed.info/sct",
    "%loinc": "http://loinc.org",
}
_PREFIXES: Final = {"%vs-": "http://hl7.org/fhir/ValueSet/", "%ext-": "http://hl7.org/fhir/StructureDefinition/"}


class Compiler:
    """Compiles trees for one kind of evaluation: `type` is that of the node that the expression is evaluated on."""

    def __init__(self, type: str) -> None:
        self.type = type

    def compile(self, node: Node, scope: Scope) -> Code:
        """The code of a tree in a scope. FHIRPathError for what is not understood."""
        match node:
            case Literal(value=found, type=type):
                return Code(lambda _, __: found, type, single=True)
            case Member(of=None, name=name):
                return self.first(name, scope)
            case Member(of=of, name=name) if of is not None:
                return member(self.compile(of, scope), name)
            case Call(of=of, name=name, arguments=arguments):
                source = this(scope) if of is None else self.compile(of, scope)
                return call(name, source, [Argument(argument, self.compile, scope) for argument in arguments])
            case Variable(name=name):
                return self.variable(name, scope)
            case Indexer(of=of, at=at):
                return indexed(self.compile(of, scope), self.compile(at, scope))
            case TypeTest(name=name, of=of, type=type):
                code = self.compile(of, scope)
                return is_type(code, type) if name == "is" else as_type(code, type)
            case Operator(name=name, left=None, right=right):
                return signed(name, self.compile(right, scope))
            case Operator(name="in", left=left, right=Operator(name="|") as right) if left is not None:
                return within(self.compile(left, scope), self.heap(right, scope))
            case Operator(name=name, left=left, right=right) if left is not None:
                return OPERATORS[name](self.compile(left, scope), self.compile(right, scope))
        raise FHIRPathError("not FHIRPath")

    def heap(self, node: Node, scope: Scope) -> Code:
        """The code of a union, where it does not matter how often an item comes."""
        if isinstance(node, Operator) and node.name == "|" and node.left is not None:
            return join(self.heap(node.left, scope), self.heap(node.right, scope))
        return self.compile(node, scope)

    def first(self, name: str, scope: Scope) -> Code:
        """A name that begins a path: an element of the focus, or the name of its type, which says nothing more."""
        if scope.type and step(scope.type, name) is not None:
            return member(this(scope), name)
        if name[0].isupper() and type_of_name(name) is not None:
            if not scope.type:
                return as_type(this(scope), name)
            if name in ancestry(scope.type):
                return this(scope)
            if "Resource" in ancestry(scope.type) and "Resource" in ancestry(name):
                return NOTHING_AT_ALL  # R4's search parameters name the elements of several resource types at once
        return member(this(scope), name)

    def variable(self, name: str, scope: Scope) -> Code:
        """`$this`, `$index`, and what `%` begins."""
        match name:
            case "$this":
                return this(scope)
            case "$index":
                return Code(lambda _, around: around.index, INTEGER, single=True)
            case "%context":
                return Code(lambda _, around: around.context, self.type, single=True)
            case "%resource":
                # Of an element of a datatype, only the evaluation knows the resource.
                root = self.type.split(".", maxsplit=1)[0]
                static = root if "DomainResource" in ancestry(root) or "Resource" in ancestry(root) else ""
                return Code(lambda _, around: around.resource, "" if static in ABSTRACT else static, single=True)
            case "%rootResource":
                return Code(lambda _, around: around.root, "", single=True)
        if name in CONSTANTS:
            return _constant(CONSTANTS[name])
        for prefix, base in _PREFIXES.items():
            if name.startswith(prefix):
                return _constant(base + name.removeprefix(prefix))
        raise FHIRPathError(f"nothing is called {name[:64]}")


def _constant(text: str) -> Code:
    return Code(lambda _, __: text, STRING, single=True)
