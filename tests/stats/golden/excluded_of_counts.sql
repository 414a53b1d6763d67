SELECT class, sum(n)
FROM (
SELECT traffic AS class, sum(events) AS n
FROM counts
WHERE workspace = {p0:String}
  AND type IN {p1:Array(String)}
  AND slot >= fromUnixTimestamp64Milli({p2:Int64}, 'UTC') AND slot < fromUnixTimestamp64Milli({p3:Int64}, 'UTC')
  AND traffic IN {p4:Array(String)}
  AND ((type IN ('opened')))
GROUP BY class
UNION ALL
SELECT traffic AS class, count() AS n
FROM events
WHERE workspace = {p0:String}
  AND type IN {p1:Array(String)}
  AND ((time >= fromUnixTimestamp64Milli({p5:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({p2:Int64}, 'UTC')) OR (time >= fromUnixTimestamp64Milli({p3:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({p6:Int64}, 'UTC')))
  AND traffic IN {p4:Array(String)}
  AND ((type IN ('opened')))
GROUP BY class
)
GROUP BY class

-- p0 = 'shop'
-- p1 = ('opened',)
-- p2 = 1774656900000
-- p3 = 1774663200000
-- p4 = ('prefetch', 'preview', 'scanner', 'bot')
-- p5 = 1774656000001
-- p6 = 1774663200001
