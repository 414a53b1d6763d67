-- Whoever did and got nothing since a moment: one of some parts of them, told by their hash. Pseudonyms stay as they are.
SELECT recipient
FROM events
WHERE workspace = {workspace:String} AND recipient != ''
    AND NOT match(recipient, '^erased:[0-9a-f]{32}(@|$)')
    AND ({parts:UInt64} <= 1 OR sipHash64(recipient) % greatest({parts:UInt64}, 1) = {part:UInt64})
GROUP BY recipient
HAVING max(time) < fromUnixTimestamp64Milli({before_ms:Int64}, 'UTC')
