// Can a test watch and disturb what a process asks of the system?

/** Fetches strace where that is possible. False: not here, or not permitted. */
export const canTrace = (): boolean => {
  if (Bun.which("strace") === null && process.platform === "linux" && process.getuid?.() === 0) {
    Bun.spawnSync(["apt-get", "install", "-y", "-qq", "strace"], { timeout: 60_000 })
  }
  return Bun.which("strace") !== null && Bun.spawnSync(["strace", "-o", "/dev/null", "true"]).exitCode === 0
}
