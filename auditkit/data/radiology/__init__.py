"""Published data sets of radiographs, read from their public layouts."""
