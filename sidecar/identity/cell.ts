import type { Identity, RenewalState, Svid } from './identity.ts'

/** An identity whose SVID its keeper replaces. */
export interface IdentityCell extends Identity {
  /** Puts a renewed SVID in and tells the listeners. Nothing happens once it is closed. */
  replace(svid: Svid): void
  /** What the keeper does next, and why. */
  note(state: RenewalState): void
}

/** `onClose` ends whatever renews the cell. */
export function identityCell(first: Svid, onClose: () => void): IdentityCell {
  const listeners = new Set<(svid: Svid) => void>()
  let svid = first
  let renewal: RenewalState = { kind: 'waiting', nextMs: first.notAfterMs }
  let closed = false
  return {
    current: () => svid,
    renewal: () => renewal,
    replace(next) {
      if (closed) return
      svid = next
      for (const listener of listeners) listener(next)
    },
    note(state) {
      renewal = state
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
