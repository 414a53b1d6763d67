-- Writes the class and the reasons that were found. The engine looks through the columns named here and writes three of
-- them anew, in those parts that have such an event.
--
-- What is written is one of a few kinds, by its number among `classes` and `reasons`. SQL of this number is put in twice:
-- sets of ids say it, since nothing but a table is known on every replica of every shard when the mutation comes there.
ALTER TABLE events UPDATE
    traffic = arrayElement({classes:Array(String)}, kind_of_change),
    reasons = arrayElement({reasons:Array(UInt32)}, kind_of_change),
    rule_version = {version:UInt8}
WHERE workspace = {workspace:String} AND campaign IN (SELECT campaign FROM {changes:Identifier})
  AND type IN {types:Array(String)}
  AND time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND time < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND id IN (SELECT id FROM {changes:Identifier} WHERE kind > {after:UInt32} AND kind <= {last:UInt32})
SETTINGS mutations_sync = 2
