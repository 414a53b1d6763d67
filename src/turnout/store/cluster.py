"""How the house's one schema lies on ClickHouse servers: a statement of the house in, the servers' statements out.

Nothing above the engine knows what it speaks to. On a single server (`OneServer`) statements stay as they are. On a
cluster (`Cluster`) a table is of one of three classes:

- sharded (events, counts, credits): `X_local` on every node, replicated within its shard, and `X`, a Distributed table
  over all of them, so that every SELECT and INSERT stays as it is;
- everywhere (all others with an engine of the MergeTree family): one replicated table that every node has whole;
- of one node (any other engine: Memory, Join): only on the node that is spoken to.

Statements are recognised by how they begin. One that has no rule is refused: passed on unchanged it might change one
node of many.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from turnout.errors import StoreError
from turnout.store.address import Address, ShardBy
from turnout.store.engine import Parameters

#: Tables whose rows are spread over the shards.
SHARDED = ("events", "counts", "credits")

#: Every event of a person lies on one shard, whatever the campaign: so do repetitions of an event, a touch and what was
#: done after it, and everything that a distinct recipient is counted from. What names nobody is spread by its id. A
#: rollup row lies where its view made it, beside its events; what is written into `counts` past the view, and credits,
#: may lie anywhere, since both are only ever added up.
_KEYS: Mapping[ShardBy, Mapping[str, str]] = {
    "recipient": {
        "events": "cityHash64(workspace, if(recipient = '', toString(id), recipient))",
        "counts": "cityHash64(workspace, campaign)",
        "credits": "cityHash64(recipient)",
    },
    "workspace": {
        "events": "cityHash64(workspace)",
        "counts": "cityHash64(workspace)",
        "credits": "cityHash64(recipient)",
    },
}

#: Tokens of inserts are remembered for so long: longer than anybody goes on trying to make the same insert.
_TOKENS_KEPT_S = 604_800

#: A node that lags behind for longer makes a quorum fail, and a statement on all nodes.
_QUORUM_TIMEOUT_MS = 60_000
_EVERY_NODE_TIMEOUT_S = 590

_NAME = r"(?P<name>`?\w+`?|\{\w+:Identifier\})"
_IDENTIFIER = re.compile(r"\{(\w+):Identifier\}")
_PLAIN = re.compile(r"\w{1,200}", re.ASCII)
_LEADING_COMMENTS = re.compile(r"(?:\s*--[^\n]*\n)*\s*")
_ENGINE = re.compile(r"\bENGINE\s*=\s*(?P<engine>\w+)(?:\s*\((?P<arguments>[^()]*(?:\(\))?)\))?", re.IGNORECASE)
_WINDOW = re.compile(r"\b(?:non_)?replicated_deduplication_window\s*=\s*(\d+)")
_WINDOW_S = re.compile(r",\s*replicated_deduplication_window_seconds\s*=\s*\d+")
_ENDS_IN_SETTINGS = re.compile(r"\bSETTINGS\s[^()]*$")
_ON_DISK = re.compile(r"\bfsync_after_insert\s*=\s*1\b")

#: What ALTER does to a table's rows or parts, replicated to whoever has them; and what each node has to be told itself.
_OF_ROWS = ("UPDATE", "DELETE", "DROP PARTITION", "MATERIALIZE PROJECTION", "ADD PROJECTION")
_OF_NODES = ("MODIFY SETTING",)
_OF_COLUMNS = ("ADD COLUMN",)


class Layout(Protocol):
    """Where tables are. Settings are for the requests of one kind."""

    @property
    def write_settings(self) -> Mapping[str, object]:
        """Of whatever changes anything."""

    @property
    def read_settings(self) -> Mapping[str, object]:
        """Of questions."""

    def statements(self, sql: str, parameters: Parameters | None = None) -> tuple[str, ...]:
        """What to run, in this order, in the place of a statement; the parameters are the same. StoreError where there
        is no rule for it."""

    def question(self, sql: str) -> str:
        """What to ask in the place of a SELECT."""

    def may_repeat(self, table: str, token: str) -> bool:
        """Whether an insert that was refused before anything was written may be sent again by itself."""


def layout_of(address: Address) -> Layout:
    """The layout of the store at an address."""
    if not address.cluster:
        return OneServer()
    return Cluster(address.cluster, address.database, address.shard_by, address.quorum)


@dataclass(frozen=True)
class OneServer:
    """Every table is where it is said to be; only what is said of replicated tables is said of plain ones."""

    @property
    def write_settings(self) -> Mapping[str, object]:
        """None but the engine's own."""
        return {}

    @property
    def read_settings(self) -> Mapping[str, object]:
        """None but the engine's own."""
        return {}

    def statements(self, sql: str, parameters: Parameters | None = None) -> tuple[str, ...]:
        """The statement itself."""
        code = _code(sql)
        if code.startswith("SYSTEM SYNC REPLICA"):
            return ()
        if _WINDOW.search(code) and code.startswith(("ALTER TABLE", "CREATE TABLE")):
            return (_WINDOW_S.sub("", _WINDOW.sub(r"non_replicated_deduplication_window = \1", sql)),)
        return (sql,)

    def question(self, sql: str) -> str:
        """The question itself."""
        return sql

    def may_repeat(self, table: str, token: str) -> bool:
        """Never: nothing here refuses an insert because of another one."""
        return False


@dataclass(frozen=True)
class Cluster:
    """A cluster by its name in the servers' configuration; `database` is there on every node.

    The servers' macros `shard` and `replica` say where a node belongs; `replica` is a name of its own among all nodes.
    """

    name: str
    database: str
    shard_by: ShardBy = "recipient"
    quorum: str = "auto"

    @property
    def write_settings(self) -> Mapping[str, object]:
        """Acknowledged means on the disks of a quorum of the shard's replicas, on every shard that has rows of it."""
        return {
            "distributed_foreground_insert": 1,
            "insert_quorum": self.quorum,
            # One insert at a time into a table's shard: only then can a replica tell that it has all before it.
            "insert_quorum_parallel": 0,
            "insert_quorum_timeout": _QUORUM_TIMEOUT_MS,
            # INSERT … SELECT reads, and a mutation reads what was just written.
            **self._seen,
            # What a mutation reads is the same on all replicas: the house writes it with a quorum and waits for them.
            "allow_nondeterministic_mutations": 1,
            # TRUNCATE and DROP PARTITION are done when every replica has done them.
            "alter_sync": 2,
            "distributed_ddl_task_timeout": _EVERY_NODE_TIMEOUT_S,
            # A node that is away does it when it is back; a start does not wait for it.
            "distributed_ddl_output_mode": "throw_only_active",
        }

    @property
    def read_settings(self) -> Mapping[str, object]:
        """What was acknowledged is seen, whichever replica answers."""
        if self.shard_by == "workspace":
            # The others have nothing of the workspace that is asked for.
            return {**self._seen, "optimize_skip_unused_shards": 1}
        return self._seen

    @property
    def _seen(self) -> Mapping[str, object]:
        # Subqueries over sharded tables are asked once and sent to the shards: right whatever the key.
        return {"select_sequential_consistency": 1, "distributed_product_mode": "global"}

    def statements(self, sql: str, parameters: Parameters | None = None) -> tuple[str, ...]:
        """The cluster's statements in the place of one of the house's."""
        code = _code(sql)
        for begins, rule in _RULES:
            found = begins.match(code)
            if found:
                return rule(self, found, code, parameters)
        raise _no_rule(code)

    def question(self, sql: str) -> str:
        """Questions about mutations are asked of every node that answers, and see tables by the house's names."""
        if "system.mutations" not in sql:
            return sql
        everywhere = (
            f"(SELECT * REPLACE (replaceRegexpOne(table, '_local$', '') AS table) "
            f"FROM clusterAllReplicas({_quoted(self.name)}, system.mutations))"
        )
        return _with_settings(sql.replace("system.mutations", everywhere), "skip_unavailable_shards = 1")

    def may_repeat(self, table: str, token: str) -> bool:
        """Where a token says that it counts once, or where no shard can have taken a part of it."""
        return bool(token) or table not in SHARDED

    @property
    def key(self) -> str:
        """SQL over the columns of an event: where it lies."""
        return _KEYS[self.shard_by]["events"]

    @property
    def on(self) -> str:
        """The clause of a statement that every node executes."""
        return f"ON CLUSTER {_quoted(self.name)}"

    def _of(self, table: str) -> str:
        # A node that executes a statement of another one does it in its own default database.
        return f"`{self.database}`.{table}"

    def _at(self, table: str) -> str:
        return f"{self._of(table)} {self.on}"

    def _create_table(self, found: re.Match[str], code: str, parameters: Parameters | None) -> tuple[str, ...]:
        name, rest = _name(found, parameters), code[found.end() :]
        engine = _ENGINE.search(rest)
        if engine is None:
            raise _no_rule(code)
        if not engine["engine"].endswith("MergeTree"):
            return (code,)
        if engine["engine"].startswith("Replicated"):
            raise _no_rule(code)
        is_sharded = name in SHARDED
        path = f"/turnout/{{database}}/{'{shard}' if is_sharded else 'everywhere'}/{name}"
        arguments = ", ".join([f"'{path}', '{{replica}}'", *filter(None, [(engine["arguments"] or "").strip()])])
        replicated = f"ENGINE = Replicated{engine['engine']}({arguments})"
        rest = rest[: engine.start()] + replicated + _replicated_settings(rest[engine.end() :])
        if not is_sharded:
            return (f"{found['verb']} {self._at(name)}{rest}",)
        key = _KEYS[self.shard_by][name]
        distributed = f"Distributed({_quoted(self.name)}, {_quoted(self.database)}, '{name}_local', {key})"
        return (
            f"{found['verb']} {self._at(f'{name}_local')}{rest}",
            f"{found['verb']} {self._at(name)} AS {self._of(f'{name}_local')} ENGINE = {distributed}",
        )

    def _create_view(self, found: re.Match[str], code: str, parameters: Parameters | None) -> tuple[str, ...]:
        """A view feeds a sharded table from a sharded table, each node its own: or rows would be counted twice."""
        select = code[found.end() :]
        source = re.search(r"\bFROM\s+(\w+)\b", select)
        if source is None or source[1] not in SHARDED or found["target"] not in SHARDED or "JOIN" in select:
            raise _no_rule(code)
        select = f"{select[: source.start(1)]}{self._of(f'{source[1]}_local')}{select[source.end(1) :]}"
        return (f"{found['verb']} {self._at(found['name'])} TO {self._of(found['target'] + '_local')}{select}",)

    def _alter(self, found: re.Match[str], code: str, parameters: Parameters | None) -> tuple[str, ...]:
        name, rest = _name(found, parameters), code[found.end() :]
        action, local = re.sub(r"\s+", " ", rest.strip()[:40].upper()), self._at(f"{name}_local")
        if name not in SHARDED:
            if action.startswith((*_OF_ROWS, *_OF_COLUMNS)):
                return (f"ALTER TABLE {name}{rest}",)
            if action.startswith(_OF_NODES):
                return (f"ALTER TABLE {self._at(name)}{_replicated_settings(rest)}",)
        elif action.startswith(_OF_COLUMNS):
            # First where the rows are: a column that the Distributed table has, and they lack, would fail questions.
            return (f"ALTER TABLE {local}{rest}", f"ALTER TABLE {self._at(name)}{_no_codecs(rest)}")
        elif action.startswith(_OF_NODES):
            return (f"ALTER TABLE {local}{_replicated_settings(rest)}",)
        elif action.startswith(_OF_ROWS):
            return (f"ALTER TABLE {local}{rest}",)
        raise _no_rule(code)

    def _rows(self, found: re.Match[str], code: str, parameters: Parameters | None) -> tuple[str, ...]:
        """DELETE FROM and TRUNCATE: of a table that is everywhere any node tells the others."""
        name, rest = _name(found, parameters), code[found.end() :]
        if name in SHARDED:
            return (f"{found['verb']} {self._at(f'{name}_local')}{rest}",)
        return (f"{found['verb']} {name}{rest}",)

    def _drop(self, found: re.Match[str], code: str, parameters: Parameters | None) -> tuple[str, ...]:
        name, rest = _name(found, parameters), code[found.end() :]
        if name in SHARDED:
            raise _no_rule(code)
        # A table of one node is not there on the others, and IF EXISTS is then enough.
        return (f"{found['verb']} {self._at(name)}{rest}",)

    def _kill(self, found: re.Match[str], code: str, parameters: Parameters | None) -> tuple[str, ...]:
        rest = code[found.end() :].replace("currentDatabase()", _quoted(self.database))
        if "SELECT" in rest:
            raise _no_rule(code)
        if found["verb"] == "KILL MUTATION":
            rest = re.sub(r"\btable = ('\w+'|\{\w+:String\})", r"table IN (\1, concat(\1, '_local'))", rest)
        else:
            # What a node does for a statement of another one runs there under an id of its own.
            rest = re.sub(r"\bquery_id\b", "initial_query_id", rest)
        return (f"{found['verb']} {self.on}{rest}",)

    def _insert(self, found: re.Match[str], code: str, parameters: Parameters | None) -> tuple[str, ...]:
        name, rest = _name(found, parameters), code[found.end() :]
        if name == "counts":
            # Each shard makes its part of the rollup from its own events, so that both lie side by side.
            rest = _with_settings(rest, "parallel_distributed_insert_select = 2")
        return (f"INSERT INTO {name}{rest}",)

    def _sync(self, found: re.Match[str], code: str, parameters: Parameters | None) -> tuple[str, ...]:
        name = _name(found, parameters)
        held = self._of(f"{name}_local" if name in SHARDED else name)
        return (f"SYSTEM SYNC REPLICA {self.on} {held}{code[found.end() :]}",)


_Rule = Callable[[Cluster, re.Match[str], str, Parameters | None], tuple[str, ...]]


def _begins(text: str) -> re.Pattern[str]:
    return re.compile(text.replace(" ", r"\s+"))


#: How a statement begins, and what becomes of it.
_RULES: tuple[tuple[re.Pattern[str], _Rule], ...] = (
    (_begins(rf"(?P<verb>CREATE TABLE(?: IF NOT EXISTS)?) {_NAME}(?=\s*\()"), Cluster._create_table),
    (
        _begins(r"(?P<verb>CREATE MATERIALIZED VIEW(?: IF NOT EXISTS)?) (?P<name>\w+) TO (?P<target>\w+)\b(?= AS )"),
        Cluster._create_view,
    ),
    (_begins(rf"ALTER TABLE {_NAME}"), Cluster._alter),
    (_begins(rf"(?P<verb>DELETE FROM|TRUNCATE TABLE) {_NAME}"), Cluster._rows),
    (_begins(rf"(?P<verb>DROP TABLE IF EXISTS) {_NAME}"), Cluster._drop),
    (_begins(r"(?P<verb>KILL QUERY|KILL MUTATION)(?= WHERE )"), Cluster._kill),
    (_begins(rf"INSERT INTO {_NAME}"), Cluster._insert),
    (_begins(rf"SYSTEM SYNC REPLICA {_NAME}"), Cluster._sync),
)


def _code(sql: str) -> str:
    """The statement without the comments before it."""
    found = _LEADING_COMMENTS.match(sql)
    return sql[found.end() if found else 0 :].rstrip()


def _name(found: re.Match[str], parameters: Parameters | None) -> str:
    """The table that a statement is about."""
    text = found["name"].strip("`")
    bound = _IDENTIFIER.fullmatch(text)
    name = str((parameters or {}).get(bound[1], "")) if bound else text
    if not _PLAIN.fullmatch(name):
        raise StoreError("a statement for the cluster names no table")
    return name


def _replicated_settings(tail: str) -> str:
    """The settings of a plain table as those of a replicated one, which also gets parts from other replicas."""
    if "replicated_deduplication_window_seconds" not in tail:
        kept = rf"replicated_deduplication_window = \1, replicated_deduplication_window_seconds = {_TOKENS_KEPT_S}"
        tail = _WINDOW.sub(kept, tail)
    return _ON_DISK.sub("fsync_after_insert = 1, min_compressed_bytes_to_fsync_after_fetch = 1", tail)


def _no_codecs(columns: str) -> str:
    """ADD COLUMN for a table that stores nothing."""
    return re.sub(r" CODEC\((?:[^()]|\([^()]*\))*\)", "", columns)


def _with_settings(sql: str, settings: str) -> str:
    """The statement with one more setting at its end."""
    return f"{sql}, {settings}" if _ENDS_IN_SETTINGS.search(sql) else f"{sql}\nSETTINGS {settings}"


def _quoted(text: str) -> str:
    # Names that `address` has let in: they have nothing to escape. ON CLUSTER and engines take no parameters.
    return f"'{text}'"


def _no_rule(code: str) -> StoreError:
    return StoreError(
        f"on a ClickHouse cluster this can't be done: {' '.join(code.split()[:6])}",
        hint="backups and damaged parts of a cluster are its servers' own concern; see docs/cluster.md",
    )
