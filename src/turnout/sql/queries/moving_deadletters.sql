-- Every dead letter as it is now; a body is whatever bytes came.
SELECT workspace, id, received, provider, hook, reason, body, headers, query, replayed, version,
    cityHash64(workspace, id) AS row_key,
    cityHash64(received, provider, hook, reason, body, headers, query, replayed) AS row_hash
FROM deadletters FINAL
ORDER BY workspace, id
SETTINGS output_format_arrow_string_as_string = 0
