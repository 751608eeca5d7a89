/** "Slvg": marks an SQLite file as ours (the field is there for that: https://sqlite.org/pragma.html#pragma_application_id). */
export const APPLICATION_ID = 0x536c7667

/** Grows with each change of the tables below. A file of another version is refused until a migration for it exists. */
export const SCHEMA_VERSION = 2

export const SCHEMA = `
CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE resources (
  kind TEXT NOT NULL,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  uid TEXT NOT NULL,
  resource_version INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  content TEXT NOT NULL,
  digest TEXT NOT NULL,
  PRIMARY KEY (kind, namespace, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE leases (
  workload TEXT PRIMARY KEY,
  spiffe_id TEXT NOT NULL,
  registration TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
  id TEXT PRIMARY KEY,
  secret_sha256 TEXT NOT NULL,
  namespace TEXT NOT NULL,
  service_account TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  uses_left INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at_ms INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  revision INTEGER NOT NULL,
  before TEXT,
  after TEXT,
  -- What a change of a resource has besides; NULL in other records.
  kind TEXT,
  namespace TEXT,
  name TEXT,
  uid TEXT,
  created_ms INTEGER,
  before_version INTEGER,
  -- Of all records up to this one: how much is kept is the newest's less the oldest's.
  bytes_so_far INTEGER NOT NULL
) STRICT;
CREATE INDEX changes ON audit (revision) WHERE kind IS NOT NULL;

-- history_floor: the newest revision of which a change has been forgotten.
INSERT INTO meta (key, value) VALUES ('schema_version', ${SCHEMA_VERSION}), ('revision', 0), ('history_floor', 0);
PRAGMA application_id = ${APPLICATION_ID};
`
