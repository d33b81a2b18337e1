"""results.json: the product of a run. Every field is documented; the schema is the documentation.

All renderings (HTML, terminal, Markdown) are functions of this file alone.
"""

from auditkit.results.audited import (
    DataResult,
    IdentifierFinding,
    InstrumentResult,
    ModelResult,
    Person,
)
from auditkit.results.conversion import figure_result, measurement_result, number, table_result
from auditkit.results.files import (
    read_results,
    results_schema,
    to_json,
    write_by_digest,
    write_whole,
)
from auditkit.results.found import (
    AuditResult,
    ChoiceResult,
    CounterfactualCaseResult,
    CounterfactualCasesResult,
    CounterfactualFrameResult,
    ExampleResult,
    FigureResult,
    GalleryItemResult,
    GalleryResult,
    MeasurementResult,
    Panel,
    PictureFile,
    SampleFile,
    SeriesResult,
    TableResult,
)
from auditkit.results.judged import BaselineValue, Release, VerdictResult, WaiverResult
from auditkit.results.part import SCHEMA_VERSION, Part
from auditkit.results.ran import (
    Deviations,
    Environment,
    EvidenceList,
    ProfileResult,
    Redaction,
    Registered,
    Registration,
    Run,
    SourceFile,
)
from auditkit.results.schema import Results

__all__ = [
    "SCHEMA_VERSION",
    "AuditResult",
    "BaselineValue",
    "ChoiceResult",
    "CounterfactualCaseResult",
    "CounterfactualCasesResult",
    "CounterfactualFrameResult",
    "DataResult",
    "Deviations",
    "Environment",
    "EvidenceList",
    "ExampleResult",
    "FigureResult",
    "GalleryItemResult",
    "GalleryResult",
    "IdentifierFinding",
    "InstrumentResult",
    "MeasurementResult",
    "ModelResult",
    "Panel",
    "Part",
    "Person",
    "PictureFile",
    "ProfileResult",
    "Redaction",
    "Registered",
    "Registration",
    "Release",
    "Results",
    "Run",
    "SampleFile",
    "SeriesResult",
    "SourceFile",
    "TableResult",
    "VerdictResult",
    "WaiverResult",
    "figure_result",
    "measurement_result",
    "number",
    "read_results",
    "results_schema",
    "table_result",
    "to_json",
    "write_by_digest",
    "write_whole",
]
