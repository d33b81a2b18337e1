"""What a plan of audits will cost, before anything runs, and which samples fit a budget."""
