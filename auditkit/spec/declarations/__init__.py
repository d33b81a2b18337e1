"""The shipped checks' declarations, one file each; computations are in `auditkit.checks`."""

from auditkit.spec.declaration import CheckDeclaration
from auditkit.spec.declarations.across_trainings import ACROSS_TRAININGS
from auditkit.spec.declarations.alignment import ALIGNMENT
from auditkit.spec.declarations.attribute_response import ATTRIBUTE_RESPONSE
from auditkit.spec.declarations.clinical_assessment import CLINICAL_ASSESSMENT
from auditkit.spec.declarations.colour_shift import COLOUR_SHIFT
from auditkit.spec.declarations.compare_methods import COMPARE_METHODS
from auditkit.spec.declarations.corruption_response import CORRUPTION_RESPONSE
from auditkit.spec.declarations.counterfactual import COUNTERFACTUAL
from auditkit.spec.declarations.counterfactual_attributes import COUNTERFACTUAL_ATTRIBUTES
from auditkit.spec.declarations.counterfactual_control import COUNTERFACTUAL_CONTROL
from auditkit.spec.declarations.counterfactual_screening import COUNTERFACTUAL_SCREENING
from auditkit.spec.declarations.counterfactual_stability import COUNTERFACTUAL_STABILITY
from auditkit.spec.declarations.depict import DEPICT
from auditkit.spec.declarations.effective_generation import EFFECTIVE_GENERATION
from auditkit.spec.declarations.efficiency import EFFICIENCY
from auditkit.spec.declarations.expert_study import EXPERT_STUDY
from auditkit.spec.declarations.faithfulness import FAITHFULNESS
from auditkit.spec.declarations.independent_permutation import INDEPENDENT_PERMUTATION
from auditkit.spec.declarations.informative_plausibility import INFORMATIVE_PLAUSIBILITY
from auditkit.spec.declarations.modality_importance import MODALITY_IMPORTANCE
from auditkit.spec.declarations.performance import PERFORMANCE
from auditkit.spec.declarations.permutable_concepts import PERMUTABLE_CONCEPTS
from auditkit.spec.declarations.plausibility import PLAUSIBILITY
from auditkit.spec.declarations.randomisation import RANDOMISATION
from auditkit.spec.declarations.ratings import RATINGS
from auditkit.spec.declarations.reproduction import REPRODUCTION
from auditkit.spec.declarations.triangulation import TRIANGULATION
from auditkit.spec.declarations.truthfulness import TRUTHFULNESS

SHIPPED: dict[str, CheckDeclaration] = {
    declaration.name: declaration
    for declaration in (
        ACROSS_TRAININGS,
        ALIGNMENT,
        ATTRIBUTE_RESPONSE,
        CLINICAL_ASSESSMENT,
        COLOUR_SHIFT,
        COMPARE_METHODS,
        CORRUPTION_RESPONSE,
        COUNTERFACTUAL,
        COUNTERFACTUAL_ATTRIBUTES,
        COUNTERFACTUAL_CONTROL,
        COUNTERFACTUAL_SCREENING,
        COUNTERFACTUAL_STABILITY,
        DEPICT,
        EFFECTIVE_GENERATION,
        EFFICIENCY,
        EXPERT_STUDY,
        FAITHFULNESS,
        INDEPENDENT_PERMUTATION,
        INFORMATIVE_PLAUSIBILITY,
        MODALITY_IMPORTANCE,
        PERFORMANCE,
        PERMUTABLE_CONCEPTS,
        PLAUSIBILITY,
        RANDOMISATION,
        RATINGS,
        REPRODUCTION,
        TRIANGULATION,
        TRUTHFULNESS,
    )
}
