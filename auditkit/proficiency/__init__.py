"""The audits, audited: how often each catches a planted fault, and how often it cries wolf."""
