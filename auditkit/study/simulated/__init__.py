"""Simulated experts, for tests and demonstrations: programs that answer a study's forms from its pictures.

What they find is about models and generators only as far as a few measured quantities go. They are called
simulated wherever they are named, and answer for nobody whom the plan does not mark `simulated: true`.
"""

from auditkit.study.simulated.answering import simulate
from auditkit.study.simulated.client import Acknowledged
from auditkit.study.simulated.coordinating import coordinate
from auditkit.study.simulated.expert import Judge, Judgement, SimulatedExpert

__all__ = ["Acknowledged", "Judge", "Judgement", "SimulatedExpert", "coordinate", "simulate"]
