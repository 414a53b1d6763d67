-- What recipients spent within the window of a goal since their latest touch: purchases that name no
-- campaign (those that name one are that campaign's revenue already). An order counts where it was first
-- seen, and not at all where the campaign's own events name it.
WITH
    {edges:Array(Int64)} AS edges,
    purchases AS
    (
        SELECT recipient, toUnixTimestamp64Milli(time) AS at, amount
        FROM events
        WHERE workspace = {workspace:String} AND campaign = '' AND type = 'purchased' AND currency = {currency:String}
          AND recipient != '' AND traffic IN {traffic:Array(String)}
          AND time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({to:Int64}, 'UTC')
          AND (order_id = '' OR (order_id, id) IN
              (
                  SELECT order_id, argMin(id, (time, id)) FROM events
                  WHERE workspace = {workspace:String} AND campaign = '' AND type = 'purchased' AND order_id IN
                  (
                      SELECT order_id FROM events
                      WHERE workspace = {workspace:String} AND campaign = '' AND type = 'purchased' AND order_id != ''
                        AND time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')
                        AND time < fromUnixTimestamp64Milli({to:Int64}, 'UTC')
                  )
                  GROUP BY order_id
              ))
          AND (order_id = '' OR order_id NOT IN
              (
                  SELECT order_id FROM events
                  WHERE workspace = {workspace:String} AND campaign = {campaign:String}
                    AND type IN ('purchased', 'converted') AND goal = 0 AND order_id != ''
              ))
    ),
    touches AS
    (
        SELECT recipient, toUnixTimestamp64Milli(time) AS at, max((channel, message, variation)) AS of
        FROM events
        WHERE workspace = {workspace:String} AND campaign = {campaign:String} AND type IN {touches:Array(String)}
          AND traffic IN {traffic:Array(String)}
          AND time >= fromUnixTimestamp64Milli({touched_from:Int64}, 'UTC')
          AND recipient != '' AND recipient IN (SELECT recipient FROM purchases)
        GROUP BY recipient, at
    )
SELECT toInt32(indexOf(edges, roundDown(p.at, edges))) - 1 AS bucket,
    toString(t.of.1) AS channel, toString(t.of.2) AS message, toString(t.of.3) AS variation, sum(toDecimal128(amount, 6)) AS earned
FROM purchases AS p
ASOF INNER JOIN touches AS t ON p.recipient = t.recipient AND p.at >= t.at
WHERE p.at - t.at <= {window:Int64}
GROUP BY bucket, channel, message, variation
ORDER BY bucket, channel, message, variation
