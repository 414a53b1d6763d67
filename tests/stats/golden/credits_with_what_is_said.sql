SELECT d0, m0, count() OVER () AS total
FROM (
SELECT d0, sum(m0) AS m0
FROM (
SELECT variation AS d0, countIf((kind = '' AND type IN ('converted') AND (goal = 0) AND traffic IN {p0:Array(String)} OR kind = 'goal_0')) AS m0
FROM (
SELECT type, campaign, recipient, anonymous, message, variation, channel, send_id, profile, detail, goal, amount, currency, order_id, name, duration_ms, product, quantity, url, link, link_title, position, params, ip, country, city, network, device, os, browser, browser_version, traffic, reasons, recipient_domain, id, time, '' AS kind
FROM (
SELECT e.type AS type, e.campaign AS campaign, e.recipient AS recipient, e.anonymous AS anonymous, e.detail AS detail, e.goal AS goal, e.amount AS amount, e.currency AS currency, e.order_id AS order_id, e.name AS name, e.duration_ms AS duration_ms, e.product AS product, e.quantity AS quantity, e.url AS url, e.link AS link, e.link_title AS link_title, e.position AS position, e.params AS params, e.ip AS ip, e.country AS country, e.city AS city, e.network AS network, e.device AS device, e.os AS os, e.browser AS browser, e.browser_version AS browser_version, e.traffic AS traffic, e.reasons AS reasons, e.recipient_domain AS recipient_domain, e.id AS id, if(e.type IN ('converted', 'purchased') AND e.channel = '' AND e.message = '' AND e.variation = '' AND e.send_id = '' AND e.profile = '', r.of.1, e.channel) AS channel, if(e.type IN ('converted', 'purchased') AND e.channel = '' AND e.message = '' AND e.variation = '' AND e.send_id = '' AND e.profile = '', r.of.2, e.message) AS message, if(e.type IN ('converted', 'purchased') AND e.channel = '' AND e.message = '' AND e.variation = '' AND e.send_id = '' AND e.profile = '', r.of.3, e.variation) AS variation, if(e.type IN ('converted', 'purchased') AND e.channel = '' AND e.message = '' AND e.variation = '' AND e.send_id = '' AND e.profile = '', r.of.4, e.send_id) AS send_id, if(e.type IN ('converted', 'purchased') AND e.channel = '' AND e.message = '' AND e.variation = '' AND e.send_id = '' AND e.profile = '', r.of.5, e.profile) AS profile, if(r.of_recipient != '', r.at, e.time) AS time
FROM events AS e
ASOF LEFT JOIN (
SELECT of_campaign, of_recipient, key, at, max((channel, message, variation, send_id, profile)) AS of
FROM (
SELECT campaign AS of_campaign, recipient AS of_recipient, at, channel, message, variation, send_id, profile, arrayJoin(if(message = '', [''], ['', toString(message)])) AS key
FROM (
SELECT campaign, recipient, message, time AS at, channel, variation, send_id, profile
FROM events
WHERE workspace = {p3:String}
  AND recipient IN (SELECT recipient FROM events WHERE workspace = {p3:String}
  AND type IN {p4:Array(String)}
  AND ((type IN ('converted') AND (goal = 0) AND traffic IN {p0:Array(String)})))
  AND type IN ('sent', 'enrolled')
UNION ALL
SELECT campaign, recipient, message, min(time) AS at, argMin(channel, (time, id)) AS channel, argMin(variation, (time, id)) AS variation, argMin(send_id, (time, id)) AS send_id, argMin(profile, (time, id)) AS profile
FROM events
WHERE workspace = {p3:String}
  AND recipient IN (SELECT recipient FROM events WHERE workspace = {p3:String}
  AND type IN {p4:Array(String)}
  AND ((type IN ('converted') AND (goal = 0) AND traffic IN {p0:Array(String)})))
  AND type = 'impression'
GROUP BY campaign, recipient, message
)
WHERE recipient != '' AND key IN (SELECT message FROM events WHERE workspace = {p3:String}
  AND type IN {p4:Array(String)}
  AND ((type IN ('converted') AND (goal = 0) AND traffic IN {p0:Array(String)})))
)
GROUP BY of_campaign, of_recipient, key, at
) AS r
ON e.campaign = r.of_campaign AND e.recipient = r.of_recipient AND e.message = r.key AND e.time >= r.at
WHERE workspace = {p3:String}
  AND type IN {p4:Array(String)}
  AND ((type IN ('converted') AND (goal = 0) AND traffic IN {p0:Array(String)}))
SETTINGS distributed_product_mode = 'local', prefer_column_name_to_alias = 1
)
UNION ALL
SELECT '' AS type, campaign AS campaign, recipient AS recipient, 0 AS anonymous, message AS message, variation AS variation, channel AS channel, send_id AS send_id, profile AS profile, '' AS detail, 0 AS goal, amount AS amount, currency AS currency, '' AS order_id, '' AS name, 0 AS duration_ms, '' AS product, 0 AS quantity, '' AS url, '' AS link, '' AS link_title, 0 AS position, '' AS params, '' AS ip, '' AS country, '' AS city, '' AS network, '' AS device, '' AS os, '' AS browser, '' AS browser_version, traffic AS traffic, 0 AS reasons, if(position(recipient, '@') > 0, lowerUTF8(substringIndex(recipient, '@', -1)), '') AS recipient_domain, 0 AS id, placed AS time, kind
FROM credits
WHERE fill IN {p2:Array(UInt64)}
)
WHERE time < fromUnixTimestamp64Milli({p1:Int64}, 'UTC')
GROUP BY d0
)
GROUP BY d0
HAVING m0 != 0
)
ORDER BY d0 ASC
LIMIT {p5:UInt64} OFFSET {p6:UInt64}

-- p0 = ('human', 'proxy')
-- p1 = 1774656000000
-- p2 = (7, 8)
-- p3 = 'shop'
-- p4 = ('converted',)
-- p5 = 1000
-- p6 = 0
