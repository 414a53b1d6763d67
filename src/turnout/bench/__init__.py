"""`turnout bench`: the budgets, each measured against its reference in the same run on the same machine.

Sizes and a number of rounds enter; findings leave, as a table and as JSON. What is measured runs in
processes of its own (`processes`), the load comes from here (`load`), and the two sides of a ratio take
turns (`rounds`). `ingest`, `singles`, `cached`, `questions`, `credits`, `scale` and `soak` are the groups of cases.
"""
