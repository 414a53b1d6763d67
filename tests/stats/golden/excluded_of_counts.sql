SELECT class, sum(n)
FROM (
SELECT traffic AS class, sum(events) AS n
FROM counts
WHERE workspace = {p2:String}
  AND type IN {p3:Array(String)}
  AND slot >= fromUnixTimestamp64Milli({p0:Int64}, 'UTC') AND slot < fromUnixTimestamp64Milli({p1:Int64}, 'UTC')
  AND traffic IN {p4:Array(String)}
  AND ((type IN ('opened')))
GROUP BY class
UNION ALL
SELECT traffic AS class, count() AS n
FROM events
WHERE workspace = {p2:String}
  AND type IN {p3:Array(String)}
  AND ((time >= fromUnixTimestamp64Milli({p5:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({p0:Int64}, 'UTC')) OR (time >= fromUnixTimestamp64Milli({p1:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({p6:Int64}, 'UTC')))
  AND traffic IN {p4:Array(String)}
  AND ((type IN ('opened')))
GROUP BY class
)
GROUP BY class

-- p0 = 1774656900000
-- p1 = 1774663200000
-- p2 = 'shop'
-- p3 = ('opened',)
-- p4 = ('prefetch', 'preview', 'scanner', 'bot')
-- p5 = 1774656000001
-- p6 = 1774663200001
