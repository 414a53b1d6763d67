SELECT toDate(toUInt16(intDiv((toInt64(toUnixTimestamp(slot)) + {p0:Int64}), 86400))) AS d0, type, detail AS said, 0 AS aim, traffic AS class, sum(events), toUnixTimestamp64Milli(min(first_time)), toUnixTimestamp64Milli(max(last_time))
FROM counts
WHERE workspace = {p4:String}
  AND type IN {p5:Array(String)}
  AND slot >= fromUnixTimestamp64Milli({p1:Int64}, 'UTC') AND slot < fromUnixTimestamp64Milli({p2:Int64}, 'UTC')
  AND campaign IN {p3:Array(String)}
GROUP BY d0, type, said, aim, class
LIMIT {p6:UInt64}

-- p0 = 3600
-- p1 = 1774656000000
-- p2 = 1774742400000
-- p3 = ('spring',)
-- p4 = 'shop'
-- p5 = ('clicked', 'opened', 'sent')
-- p6 = 50001
