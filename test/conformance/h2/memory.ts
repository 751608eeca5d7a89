import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/**
 * Bytes that objects and buffers hold in this process, once what nobody needs is gone. Node's `external` would count what it sets aside for
 * reads from sockets besides, some megabytes that come and go.
 */
export function settledBytes(): number {
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
