-- Clears that. What statistics are made of (country, device, program, class of traffic) stays.
ALTER TABLE events UPDATE ip = '', user_agent = '', city = '', network = '', properties = ''
WHERE workspace = {workspace:String} AND time < fromUnixTimestamp64Milli({before_ms:Int64}, 'UTC')
    AND (ip != '' OR user_agent != '' OR city != '' OR network != '' OR properties != '')
SETTINGS mutations_sync = 2
