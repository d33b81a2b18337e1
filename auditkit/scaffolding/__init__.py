"""A project of audits around a user's own model and data: what can be seen is filled in, the rest is asked.

`weights_file` and `data_found` look, `questions` asks, `cards`, `specs` and `around` write texts,
`writing` puts all of them on the disk or none.
"""
