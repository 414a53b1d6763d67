-- How many events before a moment still say where a request came from, or what else was said of the person.
SELECT count() FROM events
WHERE workspace = {workspace:String} AND time < fromUnixTimestamp64Milli({before_ms:Int64}, 'UTC')
    AND (ip != '' OR user_agent != '' OR city != '' OR network != '' OR properties != '')
SETTINGS max_execution_time = 3600
