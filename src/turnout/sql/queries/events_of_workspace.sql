-- How many events a workspace has: summed from the rollup's sums of whole campaigns, a few rows for each of them.
SELECT sum(events) FROM counts WHERE workspace = {workspace:String}
SETTINGS select_sequential_consistency = 1
