-- Every campaign that events name, from raw, so that a lost rollup can be found.
SELECT DISTINCT campaign FROM events WHERE workspace = {workspace:String} ORDER BY campaign
