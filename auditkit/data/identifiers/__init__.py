"""What may identify a patient in a data set's files, names and table, found without loading pixels."""

from auditkit.data.identifiers.search import entry_identifiers, identifiers

__all__ = ["entry_identifiers", "identifiers"]
