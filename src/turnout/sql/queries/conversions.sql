-- The conversions of one goal of a campaign, each with the touch that it is credited to.
--
-- Candidates are what was said to be a conversion ('converted', of that goal) and what recipients did that
-- the goal is about. Each belongs to the latest touch of its recipient that is not after it. What was said
-- counts as it was said; of what was done, the first within the window counts, once per touch, and not at
-- all where a conversion of that touch was said already. An order counts where it was first seen.
--
-- Every instant is in milliseconds; a bucket is the index of its edge, and -1 lies outside of all of them.
WITH
    {edges:Array(Int64)} AS edges,
    candidates AS
    (
        SELECT recipient, toUnixTimestamp64Milli(time) AS at, id, true AS said, channel, message, variation
        FROM events
        WHERE workspace = {workspace:String} AND campaign = {campaign:String} AND type = 'converted'
          AND goal = {goal:UInt8} AND time >= fromUnixTimestamp64Milli({search_from:Int64}, 'UTC')
        UNION ALL
        SELECT recipient, toUnixTimestamp64Milli(time) AS at, id, false AS said, '' AS channel, '' AS message, '' AS variation
        FROM events
        WHERE workspace = {workspace:String} AND campaign IN {of:Array(String)} AND type = {event:String}
          AND ({name:String} = '' OR name = {name:String}) AND recipient != ''
          AND traffic IN {traffic:Array(String)}
          AND time >= fromUnixTimestamp64Milli({search_from:Int64}, 'UTC')
          AND time < fromUnixTimestamp64Milli({search_to:Int64}, 'UTC')
          AND (order_id = '' OR (order_id, id) IN
              (
                  SELECT order_id, argMin(id, (time, id)) FROM events
                  WHERE workspace = {workspace:String} AND campaign IN {of:Array(String)} AND type = {event:String}
                    AND ({name:String} = '' OR name = {name:String}) AND order_id IN
                    (
                        SELECT order_id FROM events
                        WHERE workspace = {workspace:String} AND campaign IN {of:Array(String)} AND type = {event:String}
                          AND order_id != ''
                          AND time >= fromUnixTimestamp64Milli({search_from:Int64}, 'UTC')
                          AND time < fromUnixTimestamp64Milli({search_to:Int64}, 'UTC')
                    )
                  GROUP BY order_id
              ))
    ),
    touches AS
    (
        SELECT recipient, toUnixTimestamp64Milli(time) AS at, max((channel, message, variation)) AS of
        FROM events
        WHERE workspace = {workspace:String} AND campaign = {campaign:String} AND type IN {touches:Array(String)}
          AND traffic IN {traffic:Array(String)}
          AND time >= fromUnixTimestamp64Milli({touched_from:Int64}, 'UTC')
          AND recipient != '' AND recipient IN (SELECT recipient FROM candidates)
        GROUP BY recipient, at
    ),
    credited AS
    (
        SELECT c.recipient AS recipient, c.at AS at, c.id AS id, c.said AS said, t.recipient != '' AS touched, t.at AS touched_at,
            if(c.said AND c.channel != '', toString(c.channel), toString(t.of.1)) AS channel,
            if(c.said AND c.message != '', toString(c.message), toString(t.of.2)) AS message,
            if(c.said AND c.variation != '', toString(c.variation), toString(t.of.3)) AS variation
        FROM candidates AS c
        ASOF LEFT JOIN touches AS t ON c.recipient = t.recipient AND c.at >= t.at
        WHERE said OR (touched AND at - touched_at <= {window:Int64})
    ),
    counted AS
    (
        SELECT *,
            countIf(said) OVER (PARTITION BY recipient, touched, touched_at) AS said_here,
            row_number() OVER (PARTITION BY recipient, touched, touched_at ORDER BY at, id) AS place
        FROM credited
    )
SELECT bucket, touch_bucket, channel, message, variation, count() AS conversions
FROM
(
    SELECT channel, message, variation, if(touched, touched_at, at) AS by_touch,
        if(at < edges[1] OR at >= edges[-1], -1, toInt32(indexOf(edges, roundDown(at, edges))) - 1) AS bucket,
        if(by_touch < edges[1] OR by_touch >= edges[-1], -1, toInt32(indexOf(edges, roundDown(by_touch, edges))) - 1)
            AS touch_bucket
    FROM counted
    WHERE said OR (said_here = 0 AND place = 1)
)
WHERE bucket >= 0 OR touch_bucket >= 0
GROUP BY bucket, touch_bucket, channel, message, variation
ORDER BY bucket, touch_bucket, channel, message, variation
