-- Parts that the engine, or a mending, has set aside: they are on disk, and count nowhere.
SELECT table, name, reason, path
FROM system.detached_parts
WHERE database = currentDatabase()
ORDER BY table, name
