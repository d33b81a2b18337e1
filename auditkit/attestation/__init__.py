"""Who made a report of what: digests, in-toto statement, signatures, registration of specs."""
