import { expect, test } from 'vitest'
import { shortestAddress } from './ip-address.ts'

test.each([
  ['10.0.0.7', '10.0.0.7'],
  ['FD00:0000::0007', 'fd00::7'],
  ['0:0:0:0:0:0:0:1', '::1'],
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
])('%s is %s', (address, shortest) => {
  expect(shortestAddress(address)).toBe(shortest)
})
