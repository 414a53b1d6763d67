-- What of the events that were found is not as it is kept: its class, its reasons, or the version of the rules. What is
-- to be written instead is a kind, by its number.
INSERT INTO {changes:Identifier}
SELECT id, campaign, transform(key, {keys:Array(String)}, {kinds:Array(UInt32)}, toUInt32(0))
FROM
(
    SELECT id, campaign, traffic, had, had_version, found, concat(type, ' ', toString(found)) AS key
    FROM {found:Identifier}
)
WHERE found != had OR had_version != {version:UInt8}
   OR transform(key, {keys:Array(String)}, {classes:Array(String)}, '') != traffic
