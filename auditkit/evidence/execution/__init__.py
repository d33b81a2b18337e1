"""Engines: where shards are computed. All keep one contract, `auditkit.evidence.execution.contract`."""
