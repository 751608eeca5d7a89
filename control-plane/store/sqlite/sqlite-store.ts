import { type Clock, ok, type Result } from '../../../common/mod.ts'
import type { Committed, Store } from '../store.ts'
import { SqliteAuditLog } from './audit.ts'
import { SqliteLeaseRecords } from './leases.ts'
import { openDatabase } from './open.ts'
import { SqliteResources } from './resources.ts'
import { SqliteTokenRecords } from './tokens.ts'
import { RevisionCounter } from './transaction.ts'

/** Some hundred thousand resources. Beyond, something has gone wrong, and writes are refused before the disk is full. */
const DATABASE_BYTES_MAX = 1024 ** 3

export interface SqliteStoreOptions {
  readonly dataDir: string
  readonly clock: Clock
  /** @default 1 GiB */
  readonly bytesMax?: number
}

/** Opens the store in `dataDir/selvedge.db`, which it makes on the first start. The error says what is wrong and what to do. */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Result<Store, string>> {
  const opened = openDatabase(options.dataDir, options.bytesMax ?? DATABASE_BYTES_MAX)
  if (!opened.ok) return opened
  const database = opened.value
  const revisions = new RevisionCounter(database)
  const audit = new SqliteAuditLog(database, options.clock, () => revisions.committed)
  const resources = new SqliteResources(database, revisions, audit, options.clock)
  const listeners = new Set<(committed: Committed) => void>()
  return ok({
    revision: () => revisions.committed,
    read: async ref => resources.read(ref),
    list: async (kind, namespace) => ({
      revision: revisions.committed,
      resources: resources.list(kind, namespace),
    }),
    commit: async (changes, actor) => {
      const before = revisions.committed
      const result = resources.commit(changes, actor)
      if (result.ok && result.value.revision > before) for (const listener of listeners) listener(result.value)
      return result
    },
    preview: async changes => resources.preview(changes),
    onCommit: listener => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    leases: new SqliteLeaseRecords(database, revisions),
    tokens: new SqliteTokenRecords(database),
    audit,
    close: async () => {
      if (database.isOpen) database.close()
    },
  })
}
