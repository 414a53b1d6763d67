-- How many dead letters of every workspace came before a moment.
SELECT count() FROM deadletters WHERE received < fromUnixTimestamp64Milli({before_ms:Int64}, 'UTC')
