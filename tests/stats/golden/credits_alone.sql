SELECT d0, m0, count() OVER () AS total
FROM (
SELECT d0, sum(m0) AS m0
FROM (
SELECT toString(toDate(toUInt16(intDiv((intDiv(toUnixTimestamp64Milli(time), 1000) + {p0:Int64}), 86400)))) AS d0, countIf(kind = 'goal_0') AS m0
FROM (
SELECT '' AS type, campaign AS campaign, recipient AS recipient, 0 AS anonymous, message AS message, variation AS variation, channel AS channel, send_id AS send_id, profile AS profile, '' AS detail, 0 AS goal, amount AS amount, currency AS currency, '' AS order_id, '' AS name, 0 AS duration_ms, '' AS product, 0 AS quantity, '' AS url, '' AS link, '' AS link_title, 0 AS position, '' AS params, '' AS ip, '' AS country, '' AS city, '' AS network, '' AS device, '' AS os, '' AS browser, '' AS browser_version, traffic AS traffic, 0 AS reasons, if(position(recipient, '@') > 0, lowerUTF8(substringIndex(recipient, '@', -1)), '') AS recipient_domain, 0 AS id, time AS time, kind
FROM credits
WHERE fill IN {p3:Array(UInt64)}
)
WHERE time >= fromUnixTimestamp64Milli({p1:Int64}, 'UTC')
  AND campaign IN {p2:Array(String)}
GROUP BY d0
)
GROUP BY d0
HAVING m0 != 0
)
ORDER BY d0 ASC
LIMIT {p4:UInt64} OFFSET {p5:UInt64}

-- p0 = 0
-- p1 = 1774656000000
-- p2 = ('spring',)
-- p3 = (7,)
-- p4 = 1000
-- p5 = 0
