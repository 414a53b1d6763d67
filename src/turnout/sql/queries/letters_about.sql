-- How many dead letters of a workspace may be about a person.
SELECT count() FROM deadletters
WHERE workspace = {workspace:String}
    AND (match(body, {pattern:String}) OR match(query, {pattern:String}) OR match(headers, {pattern:String}))
SETTINGS max_execution_time = 3600
