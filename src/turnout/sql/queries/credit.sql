-- What recipients did after a campaign touched them, and the touch that each of it is credited to.
--
-- Per recipient: the touches, what was done, what bars a touch, and the messages received, as instants in
-- milliseconds. What was done belongs to the latest touch that is not after it, within the window. Credited is
-- either `every` such thing, or the first of each touch; the latter not where the touch is barred, nor where its
-- recipient had done the same within `quiet` before it.
-- `of` stands for what a touch says of itself, until the end. Recipients may be taken in several `parts`.
INSERT INTO credits
    (fill, kind, recipient, time, placed, campaign, channel, message, variation, send_id, profile, traffic, amount, currency)
WITH
    touches AS
    (
        SELECT recipient, type, message, send_id, toUnixTimestamp64Milli(time) AS at,
            murmurHash3_128(channel, message, variation, send_id, profile, traffic) AS of
        FROM events
        WHERE workspace = {workspace:String} AND campaign = {campaign:String} AND type IN {touches:Array(String)}
          AND recipient != '' AND traffic IN {traffic:Array(String)}
          AND ({parts:UInt64} <= 1 OR cityHash64(recipient) % greatest({parts:UInt64}, 1) = {part:UInt64})
    ),
    done AS
    (
        SELECT recipient, time, id, order_id, amount, currency
        FROM events
        WHERE workspace = {workspace:String} AND campaign IN {named:Array(String)} AND type = {event:String}
          AND ({name:String} = '' OR name = {name:String}) AND recipient != '' AND traffic IN {traffic:Array(String)}
    ),
    repeats AS
    (
        SELECT arrayJoin(arrayPopFront(arraySort(groupArray((time, id))))).2
        FROM done
        WHERE order_id IN (SELECT order_id FROM done WHERE order_id != '' GROUP BY order_id HAVING count() > 1)
        GROUP BY order_id
    ),
    -- Orders that the campaign earns by its own events, where what is done names none.
    own_orders AS
    (
        SELECT order_id FROM events
        WHERE workspace = {workspace:String} AND campaign = {campaign:String} AND order_id != '' AND currency != ''
          AND (type = 'purchased' OR type = 'converted' AND goal = 0) AND traffic IN {traffic:Array(String)}
          AND NOT has({named:Array(String)}, {campaign:String})
    ),
    instants AS
    (
        SELECT 'touch' AS what, recipient, at, of, if({sends:Bool}, '', toString(message)) AS key,
            toDecimal64(0, 6) AS amount, toFixedString('', 3) AS currency
        FROM touches WHERE type != 'impression'
        UNION ALL
        -- A card that is seen again and again was received once.
        SELECT 'touch', recipient, min(at), argMax(of, (-at, of)), toString(message), 0, ''
        FROM touches WHERE type = 'impression' GROUP BY recipient, message, send_id
        UNION ALL
        SELECT 'done', recipient, toUnixTimestamp64Milli(time), '', '', amount, toFixedString(currency, 3)
        FROM done
        WHERE time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND time <= fromUnixTimestamp64Milli({to:Int64}, 'UTC')
          AND (order_id = '' OR (id NOT IN repeats AND order_id NOT IN own_orders))
        UNION ALL
        SELECT 'bar', recipient, toUnixTimestamp64Milli(time), '', '', 0, ''
        FROM events
        WHERE workspace = {workspace:String} AND campaign = {campaign:String} AND type = {bar:String}
          AND (goal = {goal:UInt8} OR type != 'converted') AND recipient != '' AND traffic IN {traffic:Array(String)}
        UNION ALL
        -- A touch by sending is itself the message received; of others it is looked for.
        SELECT 'received', recipient, toUnixTimestamp64Milli(time), '', toString(message), 0, ''
        FROM events
        WHERE workspace = {workspace:String} AND campaign = {campaign:String} AND type IN ('sent', 'enrolled') AND recipient != ''
          AND NOT {sends:Bool}
        UNION ALL
        SELECT 'received', recipient, toUnixTimestamp64Milli(min(time)), '', toString(message), 0, ''
        FROM events
        WHERE workspace = {workspace:String} AND campaign = {campaign:String} AND type = 'impression' AND recipient != ''
          AND NOT {sends:Bool}
        GROUP BY recipient, message
    ),
    recipients AS
    (
        SELECT recipient,
            arraySort(groupArrayIf((at, of, key), what = 'touch')) AS touched,
            arraySort(groupArrayIf((at, amount, currency), what = 'done')) AS did,
            groupArrayIf(at, what = 'bar') AS bars,
            groupArrayIf((at, key), what = 'received') AS received
        FROM instants
        GROUP BY recipient
        HAVING notEmpty(touched) AND notEmpty(did)
    ),
    -- Each touch reaches to the next one.
    reaches AS
    (
        SELECT *, arrayPushBack(arrayPopFront(touched), (toInt64(9007199254740991), toFixedString('', 16), '')) AS next
        FROM recipients
    ),
    pairs AS
    (
        SELECT recipient, received, did, bars, touched, next,
            arrayJoin(arrayFilter(pair -> pair.1.1 > 0 AND pair.2.1 > 0 AND pair.2.1 - pair.1.1 <= {window:Int64},
                if({every:Bool},
                    arrayMap(d -> (arrayLast(t -> t.1 <= d.1, touched), d), did),
                    arrayMap((t, n) -> (t, arrayFirst(d -> d.1 >= t.1 AND d.1 < n.1, did)), touched, next)))) AS pair,
            pair.1.1 AS touched_at
        FROM reaches
    ),
    credited AS
    (
        SELECT recipient, touched_at, pair.1.2 AS of, pair.2.1 AS at, pair.2.2 AS amount, pair.2.3 AS currency,
            arrayMax(arrayMap(r -> r.1, arrayFilter(
                r -> r.1 <= touched_at AND (pair.1.3 = '' OR r.2 = pair.1.3), received))) AS received_at
        FROM pairs
        WHERE {every:Bool} OR NOT (
            arrayExists(b -> b >= touched_at AND arrayAll(n -> n.1 <= touched_at OR b < n.1, touched), bars)
            OR arrayExists(d -> d.1 < touched_at AND d.1 >= touched_at - {quiet:Int64}, did))
    )
SELECT {fill:UInt64}, {kind:String}, recipient, fromUnixTimestamp64Milli(at, 'UTC'),
    fromUnixTimestamp64Milli(if(received_at > 0, received_at, touched_at), 'UTC'),
    {campaign:String}, channel, message, variation, send_id, profile, traffic, amount, toString(currency)
FROM credited AS c
INNER JOIN
(
    SELECT channel, message, variation, send_id, profile, traffic,
        murmurHash3_128(channel, message, variation, send_id, profile, traffic) AS of
    FROM
    (
        SELECT channel, message, variation, send_id, profile, traffic
        FROM events
        WHERE workspace = {workspace:String} AND campaign = {campaign:String} AND type IN {touches:Array(String)}
        GROUP BY ALL
    )
) AS t USING (of)