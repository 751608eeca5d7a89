import { enableCompileCache, flushCompileCache } from 'node:module'
import { parentPort, workerData } from 'node:worker_threads'
import type { WorkerBirth } from './questions.ts'

// The whole of a worker thread. What it loads is loaded after the cache is on, as in bin/selvedge.js: a thread has a loader of its own.
const birth = workerData as WorkerBirth
if (birth.compileCache) enableCompileCache()
const { carryTraffic } = await import('./worker-thread.ts')
if (parentPort !== null) carryTraffic(birth, parentPort)
if (birth.compileCache) setTimeout(flushCompileCache, 2_000).unref()
