-- How many events of persons there are from before a moment, which bounds the work of one part of them.
SELECT count()
FROM events
WHERE workspace = {workspace:String} AND time < fromUnixTimestamp64Milli({before_ms:Int64}, 'UTC') AND recipient != ''
    AND NOT match(recipient, '^erased:[0-9a-f]{32}(@|$)')
SETTINGS max_execution_time = 3600
