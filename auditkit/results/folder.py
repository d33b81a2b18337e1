"""Names of what lies in a run's folder."""

from typing import Final

RESULTS: Final = "results.json"
REPORT: Final = "report.html"
MARKDOWN: Final = "report.md"
PDF: Final = "report.pdf"
JUNIT: Final = "junit.xml"
# Example pictures and numbers per image, each file named by its digest.
IMAGES: Final = "images"
SAMPLES: Final = "samples"
# Byte copies of specs and cards, and every installed version.
SOURCES: Final = "sources"
REQUIREMENTS: Final = "requirements.txt"
# Which shards the verdicts rest on; after `auditkit pack`, the shards themselves.
EVIDENCE_LIST: Final = "evidence.json"
EVIDENCE: Final = "evidence"
# sha256 of all of the above, the in-toto statement, and signatures over it.
STATEMENT: Final = "statement.json"
MANIFEST: Final = "MANIFEST.sha256"
SIGNATURES: Final = "signatures"
# Everything that a run or a command writes there.
WRITTEN: Final = (
    RESULTS,
    REPORT,
    MARKDOWN,
    PDF,
    JUNIT,
    IMAGES,
    SAMPLES,
    SOURCES,
    REQUIREMENTS,
    EVIDENCE_LIST,
    EVIDENCE,
    STATEMENT,
    MANIFEST,
    SIGNATURES,
)
