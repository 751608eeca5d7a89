import type { AddressOwner } from '../../model/snapshot/mod.ts'

/** Questions that wait for an answer, from all streams: who asks bounds them further. */
const WAITING_MAX = 1_000

/** Whose addresses are: questions to the control plane, and their answers. */
export interface AddressQuestions {
  /** A stream has begun; `answers`: its control plane answers such questions. What was asked on the last one is asked again. */
  greeted(answers: boolean): void
  /** `false`: there will be no answer. */
  ask(address: string, found: (owner: AddressOwner) => void): boolean
  answered(address: string, owner: AddressOwner): void
}

export function createAddressQuestions(send: (address: string) => void): AddressQuestions {
  const waiting = new Map<string, (owner: AddressOwner) => void>()
  /** Before the first Welcome nobody knows; a question asked too early would end the stream of an older control plane. */
  let answers = false

  return {
    greeted(now) {
      answers = now
      if (!answers) waiting.clear()
      for (const address of waiting.keys()) send(address)
    },
    ask(address, found) {
      if (!answers || waiting.size >= WAITING_MAX) return false
      waiting.set(address, found)
      send(address)
      return true
    },
    answered(address, owner) {
      const found = waiting.get(address)
      waiting.delete(address)
      found?.(owner)
    },
  }
}
