// Are the examples of the pages those that are run here?

import { expect, test } from "bun:test"
import { join } from "node:path"
import { Glob } from "bun"

/** Without the first line, which says what the file is for, and as if it lay one folder higher, where users have it. */
const asShown = (text: string): string =>
  text.slice(text.indexOf("\n\n") + 2).replaceAll('"../../actors/', '"../actors/')

test("every example of TESTING.md, LEADING.md, CLIENT.md, ROUTES.md and CLOUD.md is a file that is run, and the other way around", async () => {
  const here = import.meta.dir
  const pages = ["TESTING.md", "LEADING.md", "CLIENT.md", "ROUTES.md", "CLOUD.md"].map((name) =>
    Bun.file(join(here, "../../docs", name)).text(),
  )
  const text = (await Promise.all(pages)).join("\n")
  const shown = Array.from(text.matchAll(/^```ts\n(.*?)^```$/gms), ([, example]) => example!)
  const files = [...new Glob("*.ts").scanSync(here)].filter((name) => name !== "pages.test.ts")
  const run = await Promise.all(files.map(async (name) => asShown(await Bun.file(join(here, name)).text())))
  expect(shown.toSorted()).toEqual(run.toSorted())
})
