import { describe, expect, test } from 'vitest'
import { serverSpeaks } from './mod.ts'

const speaks = (text: string) => serverSpeaks(Buffer.from(text, 'latin1'))

describe('a server that speaks first', () => {
  test.each([
    ['a 408 to who asks for nothing', 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n'],
    ['SETTINGS without any', '\0\0\0\x04\0\0\0\0\0'],
    ['SETTINGS of three', `\0\0\x12\x04\0\0\0\0\0${'\0'.repeat(18)}`],
  ])('of HTTP has told nothing yet: %s', (_, text) => {
    expect(speaks(text)).toBe('http')
  })

  test.each([
    ['MySQL', '\x4a\0\0\0\x0a8.0.36\0'],
    ['SMTP', '220 mail ESMTP\r\n'],
    ['SSH', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['FTP', '220 ready\r\n'],
    ['NATS', 'INFO {"server_id":"x"}\r\n'],
    ['one letter', 'H'],
    ['nearly HTTP', 'HTTP/2'],
    ['a frame that acknowledges', '\0\0\0\x04\x01\0\0\0\0'],
    ['a frame on a stream', '\0\0\0\x04\0\0\0\0\x01'],
    ['a frame of another type', '\0\0\x06\x06\0\0\0\0\0'],
    ['SETTINGS of no whole number', '\0\0\x07\x04\0\0\0\0\0'],
    ['SETTINGS that are too long', '\0\x01\x02\x04\0\0\0\0\0'],
    ['the front of SETTINGS', '\0\0\0\x04\0\0\0\0'],
  ])('of anything else is what it is: %s', (_, text) => {
    expect(speaks(text)).toBe('opaque')
  })
})
