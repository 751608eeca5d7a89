import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Result } from '../../../common/mod.ts'
import type { ResourceProblem } from '../../../model/resources/mod.ts'
import { type FileToLoad, type LoadedFile, loadFile } from './load-file.ts'

type Loaded = Result<LoadedFile, readonly ResourceProblem[]>

/** Sources run as they are in a checkout, and compiled in the package. */
const WORKER = new URL(`./load-file-worker${extname(import.meta.filename)}`, import.meta.url)

/**
 * Loads a file in a thread of its own: to parse and compile a megabyte takes 0.6 s, for which every request would wait. The thread lives for
 * that alone, and takes some 40 MB meanwhile. Where it can't be started, or dies, the file is loaded here.
 */
export function loadAside(file: FileToLoad, start = startWorker): Promise<Loaded> {
  return new Promise(resolve => {
    let settled = false
    const settle = (loaded: () => Loaded): void => {
      if (settled) return
      settled = true
      resolve(loaded())
    }
    let worker: Worker
    try {
      worker = start(file)
    } catch {
      // As many threads run as this container, or user, may have.
      settle(() => loadFile(file))
      return
    }
    // A sidecar that ends doesn't wait for it.
    worker.unref()
    worker.once('message', (loaded: Loaded) => settle(() => loaded))
    worker.once('error', () => settle(() => loadFile(file)))
    worker.once('exit', () => settle(() => loadFile(file)))
  })
}

function startWorker({ path, workload, trustDomain }: FileToLoad): Worker {
  return new Worker(WORKER, { workerData: { path, workload, trustDomain } })
}
