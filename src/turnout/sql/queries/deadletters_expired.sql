-- Drop the dead letters of every workspace that came before a moment.
DELETE FROM deadletters WHERE received < fromUnixTimestamp64Milli({before_ms:Int64}, 'UTC')
