-- Which of these ids are stored at all: the bloom filter leaves few granules to read where the ids are few.
SELECT id FROM events WHERE workspace = {workspace:String} AND id IN {ids:Array(UInt128)}
