"""Published data sets of skin lesions, read from their public layouts."""
