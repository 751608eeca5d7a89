import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DOORS, expectServed, type H2Edge, startH2Edge } from './kit.ts'
import { ACK, request, SETTING, settings, TYPE, windowUpdate } from './wire.ts'

// RFC 9113, 6.9.2: SETTINGS may take from windows what has been used of them already.

let edge: H2Edge
beforeAll(async () => {
  edge = await startH2Edge()
})
afterAll(() => edge.close())

describe.each(DOORS)('at the door for %s, a window that has become negative', door => {
  test('holds an answer back until it is positive again, and no byte of it is lost', async () => {
    const peer = await edge.open(door, { settings: [[SETTING.INITIAL_WINDOW_SIZE, 1]], reading: false })
    const acks = () => peer.frames.filter(({ type, flags }) => type === TYPE.SETTINGS && flags === ACK).length
    await peer.when(() => (acks() === 1 ? true : undefined), 'the first acknowledgement')
    peer.request(1, request('GET', '/'))
    await peer.when(() => (peer.bodyOf(1) === 'o' ? true : undefined), 'as much as the window allows')
    peer.send(settings([SETTING.INITIAL_WINDOW_SIZE, 0]))
    await peer.when(() => (acks() === 2 ? true : undefined), 'the second acknowledgement')
    // From -1 to 0: nothing yet. What is acknowledged behind it tells that it has been looked at.
    peer.send(windowUpdate(1, 1), settings([SETTING.INITIAL_WINDOW_SIZE, 0]))
    await peer.when(() => (acks() === 3 ? true : undefined), 'the third acknowledgement')
    expect(peer.bodyOf(1)).toBe('o')
    peer.send(windowUpdate(1, 1))
    await peer.when(() => (peer.seen(1).ended ? true : undefined), 'the end')
    expect(peer.bodyOf(1)).toBe('ok')
    peer.send(settings([SETTING.INITIAL_WINDOW_SIZE, 65_535]))
    await expectServed(peer, 3)
    peer.destroy()
  })
})
