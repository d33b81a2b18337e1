"""What is missing or mismatched on a machine: findings, each with one line of what to do.

A module per subject; each looks and changes nothing that it does not take away again.
"""
