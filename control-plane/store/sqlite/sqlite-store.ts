import { type Clock, err, ok, type Result } from '../../../common/mod.ts'
import { CommitFeed } from '../commit-feed.ts'
import type { Committed, HistoryExpired, Store } from '../store.ts'
import { SqliteApiTokenRecords } from './api-tokens.ts'
import { HISTORY_LIMITS, type HistoryLimits, SqliteAuditLog } from './audit.ts'
import { SqliteLeaseRecords } from './leases.ts'
import { openDatabase } from './open.ts'
import { SqliteResources } from './resources.ts'
import { SqliteTokenRecords } from './tokens.ts'
import { Transactions } from './transactions.ts'

/** Some hundred thousand resources. Beyond, something has gone wrong, and writes are refused before the disk is full. */
const DATABASE_BYTES_MAX = 1024 ** 3

export interface SqliteStoreOptions {
  readonly dataDir: string
  readonly clock: Clock
  /** @default 1 GiB */
  readonly bytesMax?: number
  /** How much of the past is kept. @default `HISTORY_LIMITS` */
  readonly history?: HistoryLimits
  /** Told of what a listener of commits threw. @default a warning of the process */
  readonly failed?: (error: unknown) => void
}

/** Opens the store in `dataDir/selvedge.db`, which it makes on the first start. The error says what is wrong and what to do. */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Result<Store, string>> {
  const opened = openDatabase(options.dataDir, options.bytesMax ?? DATABASE_BYTES_MAX)
  if (!opened.ok) return opened
  const { database, state, logPath, mark } = opened.value
  const failed =
    options.failed ?? ((error: unknown) => process.emitWarning(error instanceof Error ? error : String(error)))
  const transactions = new Transactions({
    ...{ database, state, logPath, failed },
    mark: reached => mark.write(reached),
    startedMs: options.clock.wallMs(),
  })
  const feed: CommitFeed = new CommitFeed({
    next: after => audit.next(after),
    failed,
  })
  const audit = new SqliteAuditLog(database, {
    clock: options.clock,
    transactions,
    neededAfter: () => feed.neededAfter,
    limits: options.history ?? HISTORY_LIMITS,
  })
  const resources = new SqliteResources(database, transactions, audit, options.clock)
  const reaches = (revision: number): Result<number, HistoryExpired> => {
    const oldest = transactions.historyFloor
    return transactions.reaches(revision) ? ok(revision) : err({ code: 'expired', oldest })
  }
  return ok({
    revision: () => transactions.revision,
    read: async ref => resources.read(ref),
    list: async (kind, namespace) => ({
      revision: transactions.revision,
      resources: resources.list(kind, namespace),
    }),
    page: async query => {
      const at = reaches(query.atRevision ?? transactions.revision)
      return at.ok ? ok(resources.page({ ...query, atRevision: at.value })) : at
    },
    commit: async (changes, actor) => {
      const before = transactions.revision
      const result = resources.commit(changes, actor)
      if (result.ok && result.value.revision > before) feed.tell(onlyChanges(result.value))
      return result
    },
    preview: async changes => resources.preview(changes),
    onCommit: listener => feed.follow(listener),
    watch: async (fromRevision, listener) => {
      const from = reaches(fromRevision)
      return from.ok ? ok(feed.followFrom(from.value, listener)) : from
    },
    leases: new SqliteLeaseRecords(database, transactions),
    tokens: new SqliteTokenRecords(database, transactions),
    apiTokens: new SqliteApiTokenRecords(database, transactions),
    audit,
    rootPin: () => transactions.rootPin,
    pinRoot: async (pin, actor) =>
      transactions.run(() => {
        transactions.pinRoot(pin)
        audit.write({ actor, action: 'root-pinned', subject: pin })
        return ok(undefined)
      }),
    close: async () => {
      feed.close()
      if (!database.isOpen) return
      database.close()
      mark.close()
    },
  })
}

function onlyChanges({ revision, outcomes }: Committed): Committed {
  return { revision, outcomes: outcomes.filter(({ action }) => action !== 'unchanged' && action !== 'absent') }
}
