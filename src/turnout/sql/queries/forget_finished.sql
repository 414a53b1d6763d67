-- Drop what is kept of some campaigns, and of every set of campaigns, which they may be in.
DELETE FROM uniques
WHERE workspace = {workspace:String} AND (campaigns IN {campaigns:Array(String)} OR NOT startsWith(campaigns, '='))
