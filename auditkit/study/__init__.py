"""The expert study: built from a plan, answered in the browser, exported when it is closed.

DeGrave et al., Nat. Biomed. Eng. 2023, doi:10.1038/s41551-023-01160-9 (Methods, expert evaluation of
counterfactuals; Supplementary Fig. 8); Jin et al., arXiv:2202.10553, Fig. 2. What the server knows is blind:
which model and which side a picture belongs to stands in the key alone, which only the export opens.
"""
