import { expect, test } from 'vitest'
import { upgradeDenial } from './mod.ts'

const by = 'TrafficPolicy shop/chat'

test('without a limit any protocol may be switched to', () => {
  expect(upgradeDenial(undefined, 'websocket')).toBeUndefined()
})

test('with one, those that it names, in whatever case', () => {
  const limit = { protocols: ['websocket', 'x-mine/2'], by }
  expect(upgradeDenial(limit, 'WebSocket')).toBeUndefined()
  expect(upgradeDenial(limit, 'x-mine/2')).toBeUndefined()
  const denial = 'TrafficPolicy shop/chat allows upgrades to websocket, x-mine/2 alone'
  for (const other of ['x-mine', 'x-mine/1', 'websocket2', 'web', '']) {
    expect(upgradeDenial(limit, other)).toBe(denial)
  }
})

test('and with an empty one none', () => {
  expect(upgradeDenial({ protocols: [], by }, 'websocket')).toBe('TrafficPolicy shop/chat allows no upgrade at all')
})
