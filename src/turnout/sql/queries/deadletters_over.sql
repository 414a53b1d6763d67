-- The oldest dead letters of a workspace, beyond so many and so many bytes of the newest ones.
SELECT id
FROM (
    SELECT
        id,
        row_number() OVER (ORDER BY received DESC, id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS place,
        sum(length(body)) OVER (ORDER BY received DESC, id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS bytes
    FROM deadletters FINAL
    WHERE workspace = {workspace:String}
)
WHERE place > {rows:UInt64} OR bytes > {bytes:UInt64}
