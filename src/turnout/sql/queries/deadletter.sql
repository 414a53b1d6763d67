-- One dead letter. Its body may be anything, so it comes as base64.
SELECT
    id, toUnixTimestamp64Milli(received), provider, hook, reason, length(body), toUnixTimestamp64Milli(replayed),
    base64Encode(body), headers, query
FROM deadletters FINAL
WHERE workspace = {workspace:String} AND id = {id:String}
