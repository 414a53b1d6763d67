-- When some viewers of a show watched, as far as it touches a time: `[begin, end)` in epoch milliseconds, a row a span.
-- A viewer's intervals that overlap or follow one another are one span: going through their beginnings and ends in
-- order, beginnings first, a span begins where the depth becomes one, and ends where it is nought again.
SELECT recipient, span.1, span.2
FROM (
    SELECT
        recipient,
        arraySort(arrayConcat(groupArray((s, toInt8(-1))), groupArray((e, toInt8(1))))) AS turns,
        arrayCumSum(turn -> -turn.2, turns) AS depths,
        arrayJoin(arrayZip(
            arrayFilter((turn, depth) -> turn.2 = -1 AND depth = 1, turns, depths).1,
            arrayFilter((turn, depth) -> depth = 0, turns, depths).1
        )) AS span
    FROM (
        SELECT
            recipient,
            toUnixTimestamp64Milli(time) - toInt64(duration_ms) AS s,
            toUnixTimestamp64Milli(time) AS e
        FROM events
        WHERE workspace = {workspace:String}
          AND campaign = {campaign:String}
          AND type = 'watched'
          AND time > fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
          AND time <= fromUnixTimestamp64Milli({latest_ms:Int64}, 'UTC')
          AND recipient IN {recipients:Array(String)}
          AND s < {to_ms:Int64}
          AND s < e
    )
    GROUP BY recipient
)
ORDER BY recipient, span.1
