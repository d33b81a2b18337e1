"""auditkit: audits of medical-image models as tests."""

__version__ = "0.1.0"
