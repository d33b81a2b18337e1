"""Two runs side by side: verdicts, paired differences, specs, environments."""
