import type { Identity, Svid } from './identity.ts'

/** An identity whose SVID its keeper replaces. */
export interface IdentityCell extends Identity {
  /** Puts a renewed SVID in and tells the listeners. Nothing happens once it is closed. */
  replace(svid: Svid): void
}

/** `onClose` ends whatever renews the cell. */
export function identityCell(first: Svid, onClose: () => void): IdentityCell {
  const listeners = new Set<(svid: Svid) => void>()
  let svid = first
  let closed = false
  return {
    current: () => svid,
    replace(next) {
      if (closed) return
      svid = next
      for (const listener of listeners) listener(next)
    },
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close() {
      closed = true
      listeners.clear()
      onClose()
    },
  }
}
