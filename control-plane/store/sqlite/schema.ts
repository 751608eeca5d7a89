/** "Slvg": marks an SQLite file as ours (the field is there for that: https://sqlite.org/pragma.html#pragma_application_id). */
export const APPLICATION_ID = 0x536c7667

/** Grows with each change of the tables below. A file of another version is refused until a migration for it exists. */
export const SCHEMA_VERSION = 2

/** What `seal.ts` watches over is every table here but `state`, which carries the seal. */
export const SCHEMA = `
CREATE TABLE state (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  schema_version INTEGER NOT NULL,
  -- Of resources and leases; see Store.
  revision INTEGER NOT NULL,
  -- Of all transactions: what the high-water mark counts.
  sequence INTEGER NOT NULL,
  -- The newest revision of which a change has been forgotten.
  history_floor INTEGER NOT NULL,
  -- The key of the root that this mesh has, once it has one.
  root_pin TEXT,
  -- Sums up all rows of all other tables; and the digest of this row.
  row_sum TEXT NOT NULL,
  seal TEXT NOT NULL
) STRICT;

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

CREATE TABLE api_tokens (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  secret_sha256 TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL
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

-- Revisions between these two were never given out: a start leaps over them.
CREATE TABLE leaps (
  from_revision INTEGER PRIMARY KEY,
  to_revision INTEGER NOT NULL
) STRICT;

PRAGMA application_id = ${APPLICATION_ID};
`
