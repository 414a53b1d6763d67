-- Note that dead letters were parsed again, and understood.
INSERT INTO deadletters
SELECT
    workspace, id, received, provider, hook, reason, body, headers, query,
    fromUnixTimestamp64Milli({now_ms:Int64}, 'UTC'), version + 1
FROM deadletters FINAL
WHERE workspace = {workspace:String} AND has({ids:Array(String)}, id)
