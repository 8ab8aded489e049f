// How are amounts read at a glance?

/** Rounded down to the one unit that says most: 40 ms, 12 s, 3 min, 5 h, 2 d. */
export const durationText = (millis: number): string => {
  if (millis < 1000) return `${Math.round(millis)} ms`
  const [unit, size] = units.find(([, size]) => millis >= size) ?? ["s", 1000]
  return `${Math.floor(millis / size)} ${unit}`
}

/** 512 B, 1.5 KiB, 40.0 MiB, 3.2 GiB. */
export const bytesText = (bytes: number): string => {
  if (bytes < 1024) return `${bytes} B`
  const power = Math.min(Math.floor(Math.log2(bytes) / 10), sizes.length)
  return `${(bytes / 1024 ** power).toFixed(1)} ${sizes[power - 1]}`
}

const units: ReadonlyArray<readonly [string, number]> = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1000],
]
const sizes = ["KiB", "MiB", "GiB", "TiB"]
