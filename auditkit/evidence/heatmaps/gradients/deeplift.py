"""DeepLIFT: the difference to a baseline, handed back through every operation."""

import torch

from auditkit.errors import AuditError
from auditkit.evidence.heatmaps.baselines import baselines
from auditkit.evidence.heatmaps.explainer import (
    Batch,
    Explained,
    Explainer,
    Fitness,
    completeness,
    summed,
)
from auditkit.evidence.heatmaps.gradients.backward import accumulate, rows_of, zeros
from auditkit.evidence.heatmaps.gradients.inspection import (
    Inspection,
    counted,
    inspect,
    probe_table,
    probe_target,
    probes,
)
from auditkit.evidence.heatmaps.gradients.multipliers import Recording, Replaying
from auditkit.evidence.heatmaps.subject import Subject, Table
from auditkit.spec.methods import DeepLift

# Of the completeness residual on probes: bfloat16 alone makes a few hundredths, a missing rule more.
_TOLERANCE = 0.05


def differences(
    subject: Subject, inputs: torch.Tensor, starts: torch.Tensor, target: torch.Tensor, table: Table
) -> tuple[torch.Tensor, torch.Tensor]:
    """Contributions m * (x - x') of each value, and the change of the answer that they should sum to.

    Args:
        subject: what is explained.
        inputs: float (R, C, *space).
        starts: of the same shape, the baseline of each input.
        target: int64 (R,).
        table: float (R, F) or None.

    Returns:
        float32 (R, C, *space) and (R,).
    """
    recording = Recording()
    # With gradients in both passes, as networks may take shorter ways without.
    with torch.enable_grad():
        with recording:
            start = subject.answer(starts.detach().requires_grad_(), target, table).detach()
        leaf = inputs.detach().requires_grad_()
        with Replaying(recording.seen):
            answer = subject.answer(leaf, target, table)
        (multiplier,) = torch.autograd.grad(answer.sum(), leaf)
    return multiplier.float() * (inputs - starts).float(), (answer.detach() - start).float()


class DeepLiftExplainer(Explainer):
    """Contributions to the difference from a baseline (Shrikumar et al., arXiv:1704.02685, section 3).

    Rescale rule for functions of one number (section 3.5.1), captum's rule for maxima, the mean gradient
    between image and baseline for the log-sum-exp and softmax of the answer. Maps sum to f(x) - f(x') up
    to rounding. Where the baseline is the data set, the mean over its images.

    Deviates: functions other than those of captum have a rule (SiLU, GELU and so on), and functional,
    reused and in-place ones are found; products of two activations have none and are refused.
    """

    def __init__(self, subject: Subject, method: DeepLift, background: torch.Tensor | None) -> None:
        self.subject, self.kind, self.background = subject, method.baseline, background

    def fitness(self) -> Fitness:
        """Whether the method can be asked of this subject."""
        seen = inspect(self.subject)
        if seen.problem:
            return Fitness(seen.problem)
        reason = _without_rule(seen)
        if reason:
            return Fitness(reason)
        return Fitness(_incomplete(self.subject, seen))

    def explain(self, batch: Batch, rows: int) -> Explained:
        """Heatmaps of a batch, in passes of at most so many rows."""
        starts = baselines(batch.inputs, self.kind, self.background)
        count = starts.shape[1]
        total = zeros(batch, self.subject)
        wanted = torch.zeros(len(batch) * count, device=batch.inputs.device)

        def work(begin: int, end: int) -> torch.Tensor:
            row = torch.arange(begin, end, device=batch.inputs.device)
            image = row // count
            start = starts[image if len(starts) > 1 else torch.zeros_like(image), row % count]
            found, wanted[begin:end] = differences(
                self.subject,
                batch.inputs[image],
                start,
                batch.target[image],
                rows_of(batch.table, image),
            )
            return summed(found / count, self.subject)

        # An image and its baseline are two inputs, kept at the same time.
        accumulate(total, count, max(1, rows // 2), work)
        residual = completeness(total, wanted.reshape(len(batch), count).mean(dim=1))
        shown = torch.full((len(batch),), 2 * count, dtype=torch.int64)
        return Explained(total.float().cpu(), residual=residual, evaluations=shown)


def _without_rule(seen: Inspection) -> str:
    if not seen.products:
        return ""
    return (
        f"multiplies activations with each other ({counted(seen.products)}), for which the rescale rule "
        "of DeepLIFT is not defined"
    )


def _incomplete(subject: Subject, seen: Inspection) -> str:
    """Why the contributions do not sum to the change of the answer on probes; empty if they do."""
    worst = 0.0
    for probe in probes(subject):
        try:
            found, wanted = differences(
                subject, probe, torch.zeros_like(probe), probe_target(subject), probe_table(subject)
            )
        except AuditError as error:
            return str(error)
        # A residual that is no number is as bad as one that is too large.
        worst = max(worst, float(completeness(found, wanted).nan_to_num(nan=torch.inf)))
    if worst <= _TOLERANCE:
        return ""
    known = counted({**seen.normalisations, **seen.others})
    return (
        f"has operations without a rule of DeepLIFT: on probe images the contributions miss {worst:.0%} of "
        f"the change of the answer{f' (it calls {known})' if known else ''}"
    )
