SELECT class, uniqExact(id)
FROM (
SELECT traffic AS class, id
FROM events
WHERE workspace = {p2:String}
  AND type IN {p3:Array(String)}
  AND toString(toDate(toUInt16(intDiv((intDiv(toUnixTimestamp64Milli(time), 1000) + {p0:Int64}), 86400)))) IN {p1:Array(String)}
  AND traffic IN {p4:Array(String)}
  AND ((type IN ('watched')))
UNION ALL
SELECT class, id
FROM (
SELECT class, id, greatest(from_, cut * {p7:Int64} - offset) AS s, least(to_, (cut + 1) * {p7:Int64} - offset) AS e
FROM (
SELECT class, id, from_, to_, offset, arrayJoin(range(intDiv(from_ + offset, {p7:Int64}), intDiv(to_ + offset - 1, {p7:Int64}) + 1)) AS cut
FROM (
SELECT class, id, greatest(s, piece.1) AS from_, least(e, piece.2) AS to_, piece.3 AS offset
FROM (
SELECT class, id, s, e, arrayJoin(arrayFilter(one -> one.1 < e AND one.2 > s, arrayZip({p5:Array(Int64)}, {p6:Array(Int64)}, {p5:Array(Int64)}))) AS piece
FROM (
SELECT traffic AS class, id AS id, toUnixTimestamp64Milli(time) - toInt64(duration_ms) AS s, toUnixTimestamp64Milli(time) AS e
FROM events
WHERE workspace = {p2:String}
  AND type IN ('watched') AND recipient != '' AND traffic IN {p4:Array(String)}
  AND s < e
)
)
)
)
WHERE toString(toDate(toUInt16(intDiv((intDiv(s, 1000) + {p0:Int64}), 86400)))) IN {p1:Array(String)}
)
)
GROUP BY class

-- p0 = 0
-- p1 = ('2026-03-28',)
-- p2 = 'shop'
-- p3 = ('watched',)
-- p4 = ('prefetch', 'preview', 'scanner', 'bot')
-- p5 = (0,)
-- p6 = (9007199254740992,)
-- p7 = 3600000
