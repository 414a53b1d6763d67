-- How many replicas of its tables a node does not see at work. Each node has the tables that are everywhere, so any of
-- them knows of every other one.
SELECT max(if(is_readonly OR is_session_expired, 1, total_replicas - active_replicas))
FROM system.replicas
WHERE database = currentDatabase()
