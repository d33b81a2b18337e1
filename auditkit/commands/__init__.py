"""The commands of `auditkit` about runs, one module each; what they do is imported when they do it."""
