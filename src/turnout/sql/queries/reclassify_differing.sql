-- What of the events that were found is not as it is kept: its class, its reasons, or the version of the rules.
INSERT INTO {changes:Identifier}
SELECT id, transform(concat(type, ' ', toString(found)), {keys:Array(String)}, {classes:Array(String)}, '') AS class, found
FROM {found:Identifier}
WHERE found != had OR had_version != {version:UInt8} OR class != traffic
