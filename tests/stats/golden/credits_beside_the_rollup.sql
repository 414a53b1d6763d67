SELECT d0, m0, count() OVER () AS total
FROM (
SELECT d0, sum(m0) AS m0
FROM (
SELECT toString(toDate(toUInt16(intDiv((toInt64(toUnixTimestamp(slot)) + {p1:Int64}), 86400)))) AS d0, sumIf(events, type IN ('converted') AND (goal = 0) AND traffic IN {p0:Array(String)}) AS m0
FROM counts
WHERE workspace = {p4:String}
  AND type IN {p5:Array(String)}
  AND slot >= fromUnixTimestamp64Milli({p2:Int64}, 'UTC')
  AND campaign IN {p3:Array(String)}
GROUP BY d0
UNION ALL
SELECT toString(toDate(toUInt16(intDiv((intDiv(toUnixTimestamp64Milli(time), 1000) + {p1:Int64}), 86400)))) AS d0, countIf(kind = 'goal_0') AS m0
FROM (
SELECT '' AS type, campaign AS campaign, recipient AS recipient, 0 AS anonymous, message AS message, variation AS variation, channel AS channel, send_id AS send_id, profile AS profile, '' AS detail, 0 AS goal, amount AS amount, currency AS currency, '' AS order_id, '' AS name, 0 AS duration_ms, '' AS product, 0 AS quantity, '' AS url, '' AS link, '' AS link_title, 0 AS position, '' AS params, '' AS ip, '' AS country, '' AS city, '' AS network, '' AS device, '' AS os, '' AS browser, '' AS browser_version, traffic AS traffic, 0 AS reasons, if(position(recipient, '@') > 0, lowerUTF8(substringIndex(recipient, '@', -1)), '') AS recipient_domain, 0 AS id, time AS time, kind
FROM credits
WHERE fill IN {p6:Array(UInt64)}
)
WHERE time >= fromUnixTimestamp64Milli({p2:Int64}, 'UTC')
  AND campaign IN {p3:Array(String)}
GROUP BY d0
)
GROUP BY d0
HAVING m0 != 0
)
ORDER BY d0 ASC
LIMIT {p7:UInt64} OFFSET {p8:UInt64}

-- p0 = ('human', 'proxy')
-- p1 = 0
-- p2 = 1774656000000
-- p3 = ('spring',)
-- p4 = 'shop'
-- p5 = ('converted',)
-- p6 = (7, 8)
-- p7 = 1000
-- p8 = 0
