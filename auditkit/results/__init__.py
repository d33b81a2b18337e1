"""results.json: the product of a run. Every field is documented; the schema is the documentation.

All renderings (HTML, terminal, Markdown) are functions of this file alone.
"""

from auditkit.results.conversion import figure_result, measurement_result, number, table_result
from auditkit.results.files import read_results, results_schema, to_json, write_whole
from auditkit.results.schema import (
    SCHEMA_VERSION,
    AuditResult,
    ChoiceResult,
    DataResult,
    Deviations,
    Environment,
    ExampleResult,
    FigureResult,
    GalleryItemResult,
    GalleryResult,
    InstrumentResult,
    MeasurementResult,
    ModelResult,
    Panel,
    Part,
    PictureFile,
    Release,
    Results,
    Run,
    SeriesResult,
    TableResult,
    VerdictResult,
)

__all__ = [
    "SCHEMA_VERSION",
    "AuditResult",
    "ChoiceResult",
    "DataResult",
    "Deviations",
    "Environment",
    "ExampleResult",
    "FigureResult",
    "GalleryItemResult",
    "GalleryResult",
    "InstrumentResult",
    "MeasurementResult",
    "ModelResult",
    "Panel",
    "Part",
    "PictureFile",
    "Release",
    "Results",
    "Run",
    "SeriesResult",
    "TableResult",
    "VerdictResult",
    "figure_result",
    "measurement_result",
    "number",
    "read_results",
    "results_schema",
    "table_result",
    "to_json",
    "write_whole",
]
