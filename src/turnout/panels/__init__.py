"""Panels: what there is to see of a campaign, a file each: what is asked, the table of it, the chart of it.

A page of the dashboard, a report, a mail and `turnout chart` show the same panels, so they show the same numbers.
"""
