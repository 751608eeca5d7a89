/** Says that the control plane is away once, and that it is back once: an outage of hours is two lines. */
export function outageLog(log: { info(message: string): void; warn(message: string): void }): {
  begins(message: string): void
  ends(): void
} {
  let away = false
  return {
    begins(message) {
      if (!away) log.warn(message)
      away = true
    },
    ends() {
      if (away) log.info('the control plane answers again')
      away = false
    },
  }
}
