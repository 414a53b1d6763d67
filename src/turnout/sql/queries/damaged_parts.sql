-- Every part of every table read to the last byte and held against its checksums.
-- Reading all of a large store takes longer than a question may.
CHECK TABLE {table:Identifier} SETTINGS check_query_single_value_result = 0, max_execution_time = 3600
