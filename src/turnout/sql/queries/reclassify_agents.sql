-- The user agents of the events that a reclassification looks at: a page of them, in order.
SELECT user_agent
FROM events
WHERE workspace = {workspace:String} AND campaign IN {campaigns:Array(String)} AND type IN {types:Array(String)}
  AND time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND user_agent > {after:String}
GROUP BY user_agent
ORDER BY user_agent
LIMIT {limit:UInt32}
