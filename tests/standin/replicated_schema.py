"""Makes a cluster's schema in chDB, with a Keeper in the process: `replicated_schema.py DIRECTORY SHARD REPLICA`.

DIRECTORY/schema.sql has the statements, a zero byte between. ON CLUSTER is taken out, since no other node is there.
Says what it made, a line each: kind, name, what of it. Such a process can't close its engine, so it just ends.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from chdb.state.sqlitelike import Connection

CONFIG = """<clickhouse>
<zookeeper><implementation>testkeeper</implementation></zookeeper>
<macros><shard>{shard}</shard><replica>{replica}</replica></macros>
<remote_servers><main>
<shard><internal_replication>true</internal_replication><replica><host>127.0.0.1</host><port>1</port></replica></shard>
<shard><internal_replication>true</internal_replication><replica><host>127.0.0.1</host><port>2</port></replica></shard>
</main></remote_servers>
</clickhouse>"""

MADE = """
SELECT 'replica ' || replica_name, table, zookeeper_path FROM system.replicas
UNION ALL
SELECT 'distributed', name, engine_full FROM system.tables WHERE database = 'turnout' AND engine = 'Distributed'
UNION ALL
SELECT 'view', name, concat(extract(as_select, 'FROM (\\\\S+)'), ' ', extract(create_table_query, ' TO (\\\\S+)'))
FROM system.tables WHERE database = 'turnout' AND engine = 'MaterializedView'
"""


def main() -> None:
    """Make it, and say so."""
    directory, shard, replica = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    config = directory / "config.xml"
    config.write_text(CONFIG.format(shard=shard, replica=replica), encoding="utf-8")
    connection = Connection(f"{directory / 'store'}?config-file={config}")
    connection.query("CREATE DATABASE turnout")
    connection.query("USE turnout")
    said = []
    for statement in (directory / "schema.sql").read_text(encoding="utf-8").split("\0"):
        try:
            connection.query(statement.replace(" ON CLUSTER 'main'", ""), "Null")
        except Exception as error:
            code = re.search(r"Code: (\d+)", str(error))
            said.append(f"refused\t{code[1] if code else 0}\t{' '.join(statement.split()[:4])}")
    said.append(connection.query(MADE, "TSVRaw").bytes().decode().strip())
    os.write(1, "\n".join(said).encode())
    os._exit(0)


if __name__ == "__main__":
    main()
