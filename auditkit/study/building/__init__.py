"""A study's folder from its plan: what is looked at, under opaque names; see `building.build`."""
