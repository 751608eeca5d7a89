import { existsSync } from 'node:fs'
import { isMainThread, workerData } from 'node:worker_threads'

// Preloaded into every thread of a sidecar (NODE_OPTIONS): a worker throws, from nowhere in particular, as soon as the file FAULT_FILE is there.
const path = process.env.FAULT_FILE
if (!isMainThread && path !== undefined && (workerData as { worker?: number } | undefined)?.worker === 1) {
  setInterval(() => {
    if (existsSync(path)) throw new Error('a fault that a test has injected')
  }, 20).unref()
}
