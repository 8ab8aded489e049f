import type { Operation } from "./history.ts"
export const checkHistory = (
  _: ReadonlyArray<Operation>,
): ReadonlyArray<{ instance: string; message: string }> => []
