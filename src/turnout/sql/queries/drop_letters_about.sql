-- Drop them. Unlike a light DELETE this leaves no copy in the parts that stay.
ALTER TABLE deadletters DELETE
WHERE workspace = {workspace:String}
    AND (match(body, {pattern:String}) OR match(query, {pattern:String}) OR match(headers, {pattern:String}))
SETTINGS mutations_sync = 2
