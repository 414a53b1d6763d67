-- Drop dead letters.
DELETE FROM deadletters WHERE workspace = {workspace:String} AND id IN {ids:Array(String)}
