"""Check `modality-importance`: which modalities does the model rely on, and do heatmaps say so?

Jin et al. (arXiv:2202.10553), section 4.3.2: the model answers with every subset of modalities, the others
set to 0; the Shapley value of a modality is its importance phi (Eq. 1), and Kendall's tau-b between phi and
the modality-wise sums of a heatmap is the MI correlation.

Deviates: how a modality is taken away is declared; phi and its ranking have intervals over patients, and
nothing is held against a ranking that is not resolved (there, phi is taken for the truth); maps that are
equal in all modalities have no correlation and are counted (there, one of them makes the mean not a number);
modality sums are shares of the map's total, so that all cases count alike in the mean map.
"""

from auditkit.checks.fitness import fitness_notes
from auditkit.checks.measuring import Measuring
from auditkit.checks.modality_importance.arms import reliance
from auditkit.checks.modality_importance.heat import Heat
from auditkit.checks.modality_importance.importance import Importance
from auditkit.checks.modality_importance.shown import forest, heat_tables, notes, subsets_table
from auditkit.errors import AuditError
from auditkit.evidence import Evidence
from auditkit.findings import Findings
from auditkit.spec.declarations.modality_importance import MODALITY_IMPORTANCE, ModalityImportance


def modality_importance(evidence: Evidence, parameters: ModalityImportance) -> Findings:
    """Shapley values with their ranking, what heatmaps say of it, and reliance in planted arms.

    Raises:
        AuditError: 'modalities' are not those of the model, or an AUROC is asked of a model without score.
    """
    _require(evidence, parameters)
    planned = evidence.n + len(evidence.incomplete)
    measuring = Measuring.of(MODALITY_IMPORTANCE, parameters, planned)
    importance = Importance.of(evidence, parameters)
    findings = Findings(importance.measured(measuring))
    reasons = {method.label: evidence.fitness(method).reason for method in parameters.methods}
    heats = [
        Heat.of(evidence, method, importance, parameters.resolved)
        for method in parameters.methods
        if not reasons[method.label]
    ]
    for heat in heats:
        findings.measurements += heat.measured(measuring)
    for label, reason in reasons.items():
        if reason:
            for part in ("mi_correlation", "mean_mi_correlation"):
                findings.measurements.append(measuring.inapplicable(f"{label}.{part}", reason))
    findings.measurements += reliance(evidence, parameters, measuring)
    findings.figures.append(forest(importance))
    findings.tables += [subsets_table(importance), *heat_tables(heats, findings)]
    findings.notes += [*notes(importance, heats), *fitness_notes(evidence, parameters.methods)]
    return findings


def _require(evidence: Evidence, parameters: ModalityImportance) -> None:
    model = evidence.card.model
    if set(parameters.modalities) != set(evidence.modalities):
        raise AuditError(
            f"'modalities' names {', '.join(parameters.modalities)}, but model '{model}' reads "
            f"{', '.join(evidence.modalities)}; expected the same ones, in any order"
        )
    if parameters.performance == "auc" and not evidence.two_class:
        raise AuditError(
            f"performance: auc needs a score, but model '{model}' decides between classes and has none; "
            "use 'accuracy', or name the score in the model card ('output.score' and 'threshold')"
        )
