"""The shipped checks' declarations, one file each; computations are in `auditkit.checks`."""

from auditkit.spec.declaration import CheckDeclaration
from auditkit.spec.declarations.alignment import ALIGNMENT
from auditkit.spec.declarations.attribute_response import ATTRIBUTE_RESPONSE
from auditkit.spec.declarations.colour_shift import COLOUR_SHIFT
from auditkit.spec.declarations.compare_methods import COMPARE_METHODS
from auditkit.spec.declarations.depict import DEPICT
from auditkit.spec.declarations.effective_generation import EFFECTIVE_GENERATION
from auditkit.spec.declarations.efficiency import EFFICIENCY
from auditkit.spec.declarations.independent_permutation import INDEPENDENT_PERMUTATION
from auditkit.spec.declarations.performance import PERFORMANCE
from auditkit.spec.declarations.permutable_concepts import PERMUTABLE_CONCEPTS
from auditkit.spec.declarations.reproduction import REPRODUCTION
from auditkit.spec.declarations.truthfulness import TRUTHFULNESS

SHIPPED: dict[str, CheckDeclaration] = {
    declaration.name: declaration
    for declaration in (
        ALIGNMENT,
        ATTRIBUTE_RESPONSE,
        COLOUR_SHIFT,
        COMPARE_METHODS,
        DEPICT,
        EFFECTIVE_GENERATION,
        EFFICIENCY,
        INDEPENDENT_PERMUTATION,
        PERFORMANCE,
        PERMUTABLE_CONCEPTS,
        REPRODUCTION,
        TRUTHFULNESS,
    )
}
