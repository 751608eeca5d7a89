import { parentPort, workerData } from 'node:worker_threads'
import { type FileToLoad, loadFile } from './load-file.ts'

// The whole of a worker thread: one file, one answer. What it answers is plain values, which threads can hand to each other.
parentPort?.postMessage(loadFile(workerData as FileToLoad))
