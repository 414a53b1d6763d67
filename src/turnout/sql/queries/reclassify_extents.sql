-- When the events are that differ, by campaign, and when those are that are of another class now.
SELECT campaign, min(ms), max(ms), countIf(is_recounted), minIf(ms, is_recounted), maxIf(ms, is_recounted)
FROM
(
    SELECT campaign, ms, found, had, had_version, traffic != transform(
        concat(type, ' ', toString(found)), {keys:Array(String)}, {classes:Array(String)}, ''
    ) AS is_recounted
    FROM {found:Identifier}
)
WHERE found != had OR had_version != {version:UInt8} OR is_recounted
GROUP BY campaign
