"""How data sets lie on disk: one file per general format, each listing pictures."""
