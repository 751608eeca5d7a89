import { existsSync, readFileSync } from 'node:fs'
import { isMainThread, workerData } from 'node:worker_threads'

// Preloaded into every thread of a sidecar (NODE_OPTIONS): a worker fails, from nowhere in particular, as soon as the file FAULT_FILE is there.
// The file says how: it throws, or it hangs.
const path = process.env.FAULT_FILE
if (!isMainThread && path !== undefined && (workerData as { worker?: number } | undefined)?.worker === 1) {
  setInterval(() => {
    if (!existsSync(path)) return
    if (readFileSync(path, 'utf8') !== 'hang') throw new Error('a fault that a test has injected')
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  }, 20).unref()
}
