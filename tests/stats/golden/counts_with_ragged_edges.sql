SELECT m0, count() OVER () AS total
FROM (
SELECT sum(m0) AS m0
FROM (
SELECT sumIf(events, type IN ('opened') AND traffic IN {p0:Array(String)}) AS m0
FROM counts
WHERE workspace = {p3:String}
  AND type IN {p4:Array(String)}
  AND slot >= fromUnixTimestamp64Milli({p1:Int64}, 'UTC') AND slot < fromUnixTimestamp64Milli({p2:Int64}, 'UTC')
UNION ALL
SELECT countIf(type IN ('opened') AND traffic IN {p0:Array(String)}) AS m0
FROM events
WHERE workspace = {p3:String}
  AND type IN {p4:Array(String)}
  AND ((time >= fromUnixTimestamp64Milli({p5:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({p1:Int64}, 'UTC')) OR (time >= fromUnixTimestamp64Milli({p2:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({p6:Int64}, 'UTC')))
)
)
ORDER BY 1
LIMIT {p7:UInt64} OFFSET {p8:UInt64}

-- p0 = ('human', 'proxy')
-- p1 = 1774656900000
-- p2 = 1774663200000
-- p3 = 'shop'
-- p4 = ('opened',)
-- p5 = 1774656000001
-- p6 = 1774663200001
-- p7 = 1000
-- p8 = 0
