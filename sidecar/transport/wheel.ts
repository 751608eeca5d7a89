/** How exact timers are. A request's time limits are tens of milliseconds and more. */
const TICK_MS = 10
const SLOTS = 512
/** So many ticks late is no timer by itself: the loop stood still. */
const LATE_TICKS = 5

/** Something that happens later. Kept by its owner and used again; it allocates nothing when it is set. */
export class Timer {
  readonly fire: () => void
  next: Timer | undefined = undefined
  previous: Timer | undefined = undefined
  slot = -1
  dueTick = 0

  constructor(fire: () => void) {
    this.fire = fire
  }
}

/**
 * A hashed timing wheel (Varghese and Lauck, 1987): setting and clearing cost a few assignments, which a timer for each request needs.
 * One interval of Node's drives it, and only while something is set. Fires up to 20 ms late, never early.
 */
export class TimerWheel {
  private readonly slots: (Timer | undefined)[] = new Array<Timer | undefined>(SLOTS).fill(undefined)
  private readonly nowMs: () => number
  private readonly originMs: number
  private tick = 0
  private count = 0
  private interval: NodeJS.Timeout | undefined = undefined
  private pending: NodeJS.Immediate | undefined = undefined

  constructor(nowMs: () => number) {
    this.nowMs = nowMs
    this.originMs = nowMs()
  }

  set(timer: Timer, delayMs: number): void {
    this.clear(timer)
    if (this.count === 0) this.tick = this.currentTick()
    timer.dueTick = Math.max(this.tick + 1, Math.ceil((this.nowMs() - this.originMs + delayMs) / TICK_MS))
    const slot = timer.dueTick % SLOTS
    const head = this.slots[slot]
    timer.slot = slot
    timer.next = head
    timer.previous = undefined
    if (head !== undefined) head.previous = timer
    this.slots[slot] = timer
    this.count++
    this.interval ??= setInterval(() => this.onTick(), TICK_MS)
  }

  clear(timer: Timer): void {
    if (timer.slot === -1) return
    if (timer.previous === undefined) this.slots[timer.slot] = timer.next
    else timer.previous.next = timer.next
    if (timer.next !== undefined) timer.next.previous = timer.previous
    timer.slot = -1
    timer.next = undefined
    timer.previous = undefined
    this.count--
    // The interval is ended by the next tick that finds nothing: a timer is often set again at once.
  }

  /**
   * Node runs timers before it hears what the kernel has to tell. After a stall of our own the answers that timers wait for may have come
   * long ago: they are heard first, in the same turn of the loop, lest the stall be taken for the silence of all others.
   */
  private onTick(): void {
    if (this.currentTick() - this.tick <= LATE_TICKS) this.advance()
    else if (this.pending === undefined) {
      this.pending = setImmediate(() => {
        this.pending = undefined
        this.advance()
      })
    }
  }

  /** Public for tests: fires what is due. */
  advance(): void {
    const target = this.currentTick()
    if (target - this.tick > SLOTS) this.tick = target - SLOTS
    while (this.tick < target && this.count > 0) this.fireSlot(++this.tick % SLOTS, target)
    this.tick = target
    if (this.count === 0 && this.interval !== undefined) {
      clearInterval(this.interval)
      this.interval = undefined
    }
  }

  private fireSlot(slot: number, target: number): void {
    let timer = this.slots[slot]
    while (timer !== undefined) {
      const next = timer.next
      if (timer.dueTick <= target) {
        this.clear(timer)
        timer.fire()
        // What fired may have changed the list behind it: begin again, everything due is gone from it.
        timer = this.slots[slot]
      } else timer = next
    }
  }

  private currentTick(): number {
    return Math.floor((this.nowMs() - this.originMs) / TICK_MS)
  }

  close(): void {
    clearInterval(this.interval)
    clearImmediate(this.pending)
    this.interval = undefined
  }
}
