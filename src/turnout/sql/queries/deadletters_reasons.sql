-- Dead letters that wait to be understood, by provider and reason: how many, their bytes, and when the last of them
-- came; the most first.
SELECT provider, reason, count(), sum(length(body)), toUnixTimestamp64Milli(max(received))
FROM deadletters FINAL
WHERE workspace = {workspace:String} AND toUnixTimestamp64Milli(replayed) = 0
GROUP BY provider, reason
ORDER BY count() DESC, provider, reason
LIMIT {limit:UInt64}
