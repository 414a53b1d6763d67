-- What events of a workspace a person has, what events of others name them, and in which campaigns all of these are.
SELECT
    countIf(recipient = {recipient:String}),
    countIf(recipient != {recipient:String}),
    groupUniqArray(toString(campaign))
FROM events
WHERE workspace = {workspace:String} AND (
    recipient = {recipient:String}
    OR {pattern:String} != '' AND (
        match(url, {pattern:String}) OR match(toString(link), {pattern:String})
        OR match(toString(link_title), {pattern:String}) OR match(toString(send_id), {pattern:String})
        OR match(order_id, {pattern:String}) OR match(params, {pattern:String}) OR match(properties, {pattern:String})
    )
)
SETTINGS max_execution_time = 3600
