"""The specification language: strict YAML, typed specs, cards, and the declarations of checks."""
