// A program for the durability test: commits pairs of resources for ever, and prints each revision once it is acknowledged.
import { systemClock } from '../../../common/mod.ts'
import type { StoreChange } from '../store.ts'
import { openSqliteStore } from './mod.ts'

const opened = await openSqliteStore({ dataDir: process.argv[2] ?? '', clock: systemClock })
if (!opened.ok) throw new Error(opened.error)
const startedMs = systemClock.wallMs()
const put = (name: string): StoreChange => ({
  kind: 'put',
  ref: { kind: 'Service', namespace: 'n', name },
  // Of this process alone: what is there already with the same content would be no change.
  content: { text: 'x'.repeat(1_000), writer: process.pid, startedMs },
  expectedResourceVersion: undefined,
})
for (let i = 1; ; i++) {
  const committed = await opened.value.commit([put(`a${i}`), put(`b${i}`)], 'writer')
  if (!committed.ok) throw new Error(JSON.stringify(committed.error))
  process.stdout.write(`${committed.value.revision}\n`)
  // Gives the output a turn of the event loop to leave.
  await new Promise(resolve => setImmediate(resolve))
}
