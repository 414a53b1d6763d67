-- What is known of dead letters, without their bodies, the first to come first; `after` is where the page before ended.
-- An empty list of ids, an empty provider and an empty reason ask for all.
SELECT
    id, toUnixTimestamp64Milli(received), provider, hook, reason, length(body), toUnixTimestamp64Milli(replayed)
FROM deadletters FINAL
WHERE workspace = {workspace:String}
    AND (empty({ids:Array(String)}) OR has({ids:Array(String)}, id))
    AND ({provider:String} = '' OR provider = {provider:String})
    AND ({reason:String} = '' OR positionCaseInsensitiveUTF8(reason, {reason:String}) > 0)
    AND ({everything:UInt8} OR toUnixTimestamp64Milli(replayed) = 0)
    AND (toUnixTimestamp64Milli(received), id) > ({after_ms:Int64}, {after_id:String})
ORDER BY received, id
LIMIT {limit:UInt64}
