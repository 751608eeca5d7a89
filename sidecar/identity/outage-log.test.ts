import { describe, expect, it } from 'vitest'
import { outageLog } from './outage-log.ts'

describe('the log of an outage', () => {
  it('has one line for its beginning and one for its end, however many attempts there were', () => {
    const seen: string[] = []
    const outage = outageLog({ info: text => seen.push(text), warn: text => seen.push(text) })
    outage.ends()
    for (let attempt = 0; attempt < 5; attempt++) outage.begins('away', `away ${attempt}`)
    outage.ends()
    outage.ends()
    expect(seen).toEqual(['away 0', 'the control plane answers again'])
  })

  it('has a further line when the control plane comes back and refuses', () => {
    const seen: string[] = []
    const outage = outageLog({ info: text => seen.push(text), warn: text => seen.push(text) })
    outage.begins('away', 'away')
    outage.begins('refused', 'refused')
    outage.begins('refused', 'refused again')
    expect(seen).toEqual(['away', 'refused'])
  })
})
