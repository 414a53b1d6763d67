SELECT *
FROM (
SELECT recipient, concat(replaceOne(toString(minIf(time, (type IN ('opened') AND traffic IN {p4:Array(String)}) OR (type IN ('unsubscribed')))), ' ', 'T'), 'Z') AS first_at, concat(replaceOne(toString(maxIf(time, (type IN ('opened') AND traffic IN {p4:Array(String)}) OR (type IN ('unsubscribed')))), ' ', 'T'), 'Z') AS last_at, countIf((type IN ('opened') AND traffic IN {p4:Array(String)}) OR (type IN ('unsubscribed'))) AS `events`
FROM events
WHERE workspace = {p0:String}
  AND time >= fromUnixTimestamp64Milli({p1:Int64}, 'UTC')
  AND campaign = {p2:String}
  AND recipient != ''
  AND type IN {p3:Array(String)}
GROUP BY recipient
HAVING countIf(type IN ('opened') AND traffic IN {p4:Array(String)}) > 0 AND countIf(type IN ('unsubscribed')) > 0 AND countIf(type IN ('clicked') AND (detail = 'body') AND traffic IN {p4:Array(String)}) = 0
SETTINGS distributed_group_by_no_merge = 1
)
ORDER BY recipient

-- p0 = 'shop'
-- p1 = 1774656000000
-- p2 = 'spring'
-- p3 = ('clicked', 'opened', 'unsubscribed')
-- p4 = ('human', 'proxy')
