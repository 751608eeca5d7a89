import type { Never } from './table.ts'

/** Rooms that decide one thing each. */
const DECISIONS = [
  'decide/route',
  'decide/balance',
  'decide/retry',
  'decide/breaker',
  'decide/outlier',
  'decide/timeout',
]
const SHARED = ['common', 'model', 'decide', 'proto', 'certs']

/** What no grant may ever allow. The numbers are those of docs/architecture.md. */
export const never: readonly Never[] = [
  { rule: 1, from: 'sidecar', to: 'control-plane', instead: `Share it through ${SHARED.join(', ')}.` },
  { rule: 1, from: 'control-plane', to: 'sidecar', instead: `Share it through ${SHARED.join(', ')}.` },
  { rule: 2, from: 'common', to: '*', instead: 'What needs another room does not belong in common.' },
  {
    rule: 2,
    from: 'model',
    to: '*',
    except: ['common'],
    instead: 'The model describes: hand in what it needs as a value.',
  },
  ...DECISIONS.map(from => ({
    rule: 4,
    from,
    to: 'decide',
    instead: 'Decision rooms are composed by simulate.ts and the stacks; what they share lives in common.',
  })),
  {
    rule: 2,
    from: 'decide',
    to: '*',
    except: ['common', 'model/snapshot'],
    instead: 'A decision is given policy, facts, clock and random as arguments.',
  },
  {
    rule: 2,
    from: 'proto',
    to: '*',
    except: ['common'],
    instead: 'Translate between messages and model in a wire.ts.',
  },
  { rule: 2, from: 'certs', to: '*', except: ['common'], instead: 'Hand in what it needs as a value.' },
  {
    rule: 3,
    from: 'sidecar/inbound',
    to: 'sidecar/outbound',
    instead: 'What both need belongs in sidecar/http, sidecar/transport or decide.',
  },
  {
    rule: 3,
    from: 'sidecar/outbound',
    to: 'sidecar/inbound',
    instead: 'What both need belongs in sidecar/http, sidecar/transport or decide.',
  },
  {
    rule: 5,
    from: 'sidecar/codec',
    to: 'sidecar/transport',
    instead: 'A codec takes bytes and gives events: its caller owns the socket.',
  },
  { rule: 5, from: 'sidecar/codec', to: 'sidecar/policy', instead: 'A codec takes its limits as arguments.' },
  { rule: 5, from: 'sidecar/transport', to: 'sidecar/codec', instead: 'Hand the codec in from the stack.' },
  ...['inbound', 'outbound', 'transport', 'policy', 'discovery'].map(room => ({
    rule: 9,
    from: 'sidecar/telemetry',
    to: `sidecar/${room}`,
    instead: 'Hand the room an instrument.',
  })),
]
