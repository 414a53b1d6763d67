-- What recipients did after a campaign touched them, and the touch that each of it is credited to.
--
-- Per recipient: the touches, what was done, what bars a touch, and the messages received, as instants in
-- milliseconds. What was done belongs to the latest touch that is not after it, within the window. Credited is
-- either `every` such thing, or the first of each touch; the latter not where the touch is barred, nor where its
-- recipient had done the same within `quiet` before it.
-- `of` stands for what a touch says of itself, until the end. Recipients may be taken in several `parts`.
--
-- All that goes by recipient is one SELECT over `events`, so that shards which each have all events of their
-- recipients do it by themselves (distributed_group_by_no_merge), and only recipients with something to credit leave
-- them. Orders go across recipients: what is asked of them is asked of all shards together, once (GLOBAL).
INSERT INTO credits
    (fill, kind, recipient, time, placed, campaign, channel, message, variation, send_id, profile, traffic, amount, currency)
WITH
    orders AS
    (
        SELECT id, time, order_id
        FROM events
        WHERE workspace = {workspace:String} AND campaign IN {named:Array(String)} AND type = {event:String}
          AND ({name:String} = '' OR name = {name:String}) AND recipient != '' AND traffic IN {traffic:Array(String)}
          AND order_id != ''
    ),
    repeats AS
    (
        SELECT arrayJoin(arrayPopFront(arraySort(groupArray((time, id))))).2
        FROM orders
        WHERE order_id GLOBAL IN (SELECT order_id FROM orders GROUP BY order_id HAVING count() > 1)
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
    recipients AS
    (
        WITH
            toFixedString('', 16) AS none,
            toUnixTimestamp64Milli(time) AS at,
            murmurHash3_128(channel, message, variation, send_id, profile, traffic) AS of,
            campaign = {campaign:String} AS own,
            traffic IN {traffic:Array(String)} AS counted,
            own AND counted AND type IN {touches:Array(String)} AS is_touch,
            campaign IN {named:Array(String)} AND counted AND type = {event:String}
                AND ({name:String} = '' OR name = {name:String})
                AND time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')
                AND time <= fromUnixTimestamp64Milli({to:Int64}, 'UTC')
                AND (order_id = '' OR (id GLOBAL NOT IN repeats AND order_id GLOBAL NOT IN own_orders)) AS is_done,
            own AND counted AND type = {bar:String} AND (goal = {goal:UInt8} OR type != 'converted') AS is_bar,
            -- A touch by sending is itself the message received; of others it is looked for.
            own AND NOT {sends:Bool} AND type IN ('sent', 'enrolled', 'impression') AS is_received,
            toString(message) AS named,
            -- A card that is seen again and again was received once, and for a touch is one of its message and sending.
            if(has({touches:Array(String)}, 'impression') AND type = 'impression',
                murmurHash3_128(message, send_id), none) AS card,
            arraySort(groupArrayIf((at, of, if({sends:Bool}, '', named), card), is_touch)) AS seen,
            if(NOT has({touches:Array(String)}, 'impression'), seen,
                arrayFilter((s, n) -> n = 1 OR s.4 = none, seen, arrayEnumerateUniq(seen.4))) AS touched,
            arraySort(groupArrayIf((at, amount, toString(currency)), is_done)) AS did,
            -- Each touch reaches to the next one.
            arrayPushBack(arrayPopFront(touched), (toInt64(9007199254740991), none, '', none)) AS next,
            arrayFilter(pair -> pair.1.1 > 0 AND pair.2.1 > 0 AND pair.2.1 - pair.1.1 <= {window:Int64},
                if({every:Bool},
                    arrayMap(d -> (arrayLast(t -> t.1 <= d.1, touched), d), did),
                    arrayMap((t, n) -> (t, arrayFirst(d -> d.1 >= t.1 AND d.1 < n.1, did)), touched, next))) AS pairs,
            arraySort(groupArrayIf((at, named, type = 'impression'), is_received)) AS came
        SELECT recipient, touched, did, pairs, groupArrayIf(at, is_bar) AS bars,
            arrayFilter((r, n) -> n = 1 OR NOT r.3, came, arrayEnumerateUniq(came.2, came.3)) AS received
        FROM events
        WHERE workspace = {workspace:String} AND recipient != '' AND (is_touch OR is_done OR is_bar OR is_received)
          AND ({parts:UInt64} <= 1 OR cityHash64(recipient) % greatest({parts:UInt64}, 1) = {part:UInt64})
        GROUP BY recipient
        HAVING notEmpty(touched) AND notEmpty(did) AND notEmpty(pairs)
        SETTINGS distributed_group_by_no_merge = 1
    ),
    paired AS
    (
        SELECT recipient, received, did, bars, touched, arrayJoin(pairs) AS pair, pair.1.1 AS touched_at FROM recipients
    ),
    credited AS
    (
        SELECT recipient, touched_at, pair.1.2 AS of, pair.2.1 AS at, pair.2.2 AS amount, pair.2.3 AS currency,
            arrayMax(arrayMap(r -> r.1, arrayFilter(
                r -> r.1 <= touched_at AND (pair.1.3 = '' OR r.2 = pair.1.3), received))) AS received_at
        FROM paired
        WHERE {every:Bool} OR NOT (
            arrayExists(b -> b >= touched_at AND arrayAll(n -> n.1 <= touched_at OR b < n.1, touched), bars)
            OR arrayExists(d -> d.1 < touched_at AND d.1 >= touched_at - {quiet:Int64}, did))
    )
SELECT {fill:UInt64}, {kind:String}, recipient, fromUnixTimestamp64Milli(at, 'UTC'),
    fromUnixTimestamp64Milli(if(received_at > 0, received_at, touched_at), 'UTC'),
    {campaign:String}, channel, message, variation, send_id, profile, traffic, amount, currency
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
