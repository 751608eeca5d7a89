import type { JoinTokenRecord, TokenRecords } from '../../control-plane/attestation/mod.ts'

/** Join tokens in memory. */
export function fakeTokenRecords(): TokenRecords {
  const records = new Map<string, JoinTokenRecord>()
  return {
    insert: async record => void records.set(record.id, record),
    find: async id => records.get(id),
    takeUse: async (id, nowMs) => {
      const record = records.get(id)
      if (record === undefined || record.usesLeft < 1 || nowMs >= record.expiresMs) return false
      records.set(id, { ...record, usesLeft: record.usesLeft - 1 })
      return true
    },
    list: async () => [...records.values()],
    remove: async id => void records.delete(id),
  }
}
