// Does the wrapper find, fetch and start the right Bun? With fake tools: no network, no real npm.

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { type Folder, folder, writeTree } from "./tree.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const wrapper = join(import.meta.dir, "../../bunw")

/** A Bun that tells what it was asked. `$1` of the script's maker is its version. */
const fakeBun = (version: string) => `#!/bin/sh
case $1 in
  --version) echo ${version}; exit ;;
  install) echo "bun ${version} $*" >>"$LOG"; [ ! -e "$LOG.offline" ] || { echo "no route to registry"; exit 1; }
    mkdir -p node_modules; exit ;;
  add) echo "bun ${version} $*" >>"$LOG"; ${"$"}MAKE_PACKAGE; exit ;;
  compiling) echo "$BUN_JSC_thresholdForFTLOptimizeAfterWarmUp"; exit ;;
  node_modules/bun/install.js) exec sh "$1" ;;
  code) exit "$2" ;;
  purging) echo "$MIMALLOC_PURGE_HOLES_MIN_INTERVAL"; exit ;;
  serve) trap 'echo stopped; exit 0' TERM; echo "serving $$"; while :; do read -r _ || exit 3; done ;;
esac
printf '%s\\n' "bun ${version}" "in $PWD" "from $INIT_CWD" "path \${PATH%%:*}" "$@"
`

const fakeNpm = `#!/bin/sh
echo "npm $*" >>"$LOG"
[ ! -e "$LOG.offline" ] || { echo "npm error network"; exit 1; }
[ ! -e node_modules ] || { echo "two in one folder"; exit 1; }
$MAKE_PACKAGE
`

/** What a package manager leaves that runs no install scripts: the binary is not yet in its place. */
const makePackage = `#!/bin/sh
mkdir -p node_modules/bun/bin
echo placeholder >node_modules/bun/bin/bun.exe
echo 'cp "$FETCHED" node_modules/bun/bin/bun.exe; chmod +x node_modules/bun/bin/bun.exe' >node_modules/bun/install.js
`

const TOOLS = "sh dirname readlink mkdir rm mv ln cp cmp tail sed cat chmod touch".split(" ")

interface Place extends Folder {
  readonly project: string
  /** What the package managers were asked, in order. */
  readonly log: () => ReadonlyArray<string>
  readonly start: (
    args: ReadonlyArray<string>,
    options?: {
      readonly cwd?: string
      readonly command?: string
      readonly env?: Readonly<Record<string, string>>
    },
  ) => Bun.Subprocess<"pipe", "pipe", "pipe">
  readonly run: (
    args: ReadonlyArray<string>,
    options?: {
      readonly cwd?: string
      readonly command?: string
      readonly env?: Readonly<Record<string, string>>
    },
  ) => Promise<{ readonly code: number; readonly out: ReadonlyArray<string>; readonly error: string }>
}

const place = (tools: Readonly<Record<string, string>>): Place => {
  const home = folder()
  const path = realpathSync(home.path)
  const project = join(path, "the project")
  writeTree(path, {
    "the project/package.json": '{\n  "name": "x",\n  "packageManager": "bun@1.4.5"\n}\n',
    "the project/bun.lock": "one\n",
    "the project/src/file.ts": "",
    "elsewhere/file.ts": "",
    "make-package": makePackage,
    fetched: fakeBun("1.4.5"),
    // Waiting for a lock must not take real seconds here.
    "bin/sleep": "#!/bin/sh\nexec /bin/sleep 0.02\n",
    ...Object.fromEntries(Object.entries(tools).map(([name, text]) => [`bin/${name}`, text])),
  })
  for (const tool of TOOLS) symlinkSync(Bun.which(tool) ?? `/bin/${tool}`, join(path, "bin", tool))
  copyFileSync(wrapper, join(project, "bunw"))

  const start: Place["start"] = (args, options = {}) =>
    Bun.spawn([options.command ?? join(project, "bunw"), ...args], {
      cwd: options.cwd ?? project,
      env: {
        PATH: join(path, "bin"),
        LOG: join(path, "log"),
        FETCHED: join(path, "fetched"),
        MAKE_PACKAGE: join(path, "make-package"),
        ...options.env,
      },
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    })
  return {
    path,
    project,
    start,
    log: () =>
      existsSync(join(path, "log")) ? readFileSync(join(path, "log"), "utf8").trim().split("\n") : [],
    run: async (args, options) => {
      const child = start(args, options)
      const [out, error, code] = await Promise.all([
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
        child.exited,
      ])
      return { code, out: out.split("\n").slice(0, -1), error }
    },
    [Symbol.dispose]: () => home[Symbol.dispose](),
  }
}

const node = '#!/bin/sh\nexec sh "$1"\n'
const withNpm = { npm: fakeNpm, node }
const withBun = { bun: fakeBun("1.4.5") }
const install = "bun 1.4.5 install --frozen-lockfile"

describe("which Bun runs", () => {
  test("a Bun on PATH of exactly the pinned version", async () => {
    using here = place({ ...withBun, ...withNpm })
    const { code, out, error } = await here.run(["go"])
    expect({ code, first: out[0], error, log: here.log() }).toEqual({
      code: 0,
      first: "bun 1.4.5",
      error: "",
      log: [install],
    })
  })

  test("with Node and npm alone, one that npm fetches, once and without install scripts", async () => {
    using here = place(withNpm)
    const first = await here.run(["go"])
    const second = await here.run(["again"])
    expect([first.code, first.out.at(-1), first.error]).toEqual([0, "go", ""])
    expect([second.code, second.out.at(-1), second.error]).toEqual([0, "again", ""])
    expect(here.log()).toEqual([
      expect.stringMatching(/^npm install --ignore-scripts .*bun@1\.4\.5$/),
      install,
    ])
    // Nothing but the binary stays, and it comes first on PATH for the scripts that say `bun`.
    expect(readdirSync(join(here.project, ".bunw"))).toEqual(["1.4.5"])
    expect(first.out[3]).toBe(`path ${here.project}/.bunw/1.4.5`)
  })

  test("with another Bun alone, one that it fetches", async () => {
    using here = place({ bun: fakeBun("1.3.9") })
    const { code, out } = await here.run(["go"])
    expect([code, out[0]]).toEqual([0, "bun 1.4.5"])
    expect(here.log()).toEqual([expect.stringMatching(/^bun 1\.3\.9 add .*bun@1\.4\.5$/), install])
  })

  test("without Node, npm and Bun, none, and it says so", async () => {
    using here = place({})
    const { code, error } = await here.run(["go"])
    expect([code, error]).toEqual([
      1,
      "bunw: needs Bun 1.4.5, or Node with npm to fetch it, and finds neither on PATH (nodejs.org, bun.com)\n",
    ])
  })

  test("without a network, none, and it says what npm said", async () => {
    using here = place(withNpm)
    writeFileSync(join(here.path, "log.offline"), "")
    const { code, error } = await here.run(["go"])
    expect([code, error]).toEqual([1, "bunw: npm could not fetch Bun 1.4.5:\n  npm error network\n"])
    expect(readdirSync(join(here.project, ".bunw"))).toEqual([])
  })

  test("one that does not run here is not kept", async () => {
    using here = place(withNpm)
    writeFileSync(join(here.path, "fetched"), "#!/bin/sh\necho wrong libc >&2\nexit 127\n")
    const { code, error } = await here.run(["go"])
    expect(code).toBe(1)
    expect(error).toStartWith("bunw: the Bun 1.4.5 that came does not run here:")
    expect(readdirSync(join(here.project, ".bunw"))).toEqual([])
  })

  test("five first runs side by side fetch and install once", async () => {
    using here = place(withNpm)
    const runs = await Promise.all([1, 2, 3, 4, 5].map((run) => here.run([String(run)])))
    expect(runs.map(({ code, out, error }) => [code, out.at(-1), error])).toEqual(
      [1, 2, 3, 4, 5].map((run) => [0, String(run), ""]),
    )
    expect(here.log()).toEqual([expect.stringMatching(/^npm install/), install])
    expect(readdirSync(join(here.project, ".bunw"))).toEqual(["1.4.5"])
  })

  test("five runs side by side install once", async () => {
    using here = place(withBun)
    const runs = await Promise.all([1, 2, 3, 4, 5].map((run) => here.run([String(run)])))
    expect(runs.map(({ code, error }) => [code, error])).toEqual(runs.map(() => [0, ""]))
    expect(here.log()).toEqual([install])
  })

  test("a run that was killed half way does not stop the next ones", async () => {
    using here = place(withNpm)
    const dead = Bun.spawnSync([process.execPath, "--version"]).pid
    writeTree(here.project, { ".bunw/part/node_modules/half": "" })
    symlinkSync(String(dead), join(here.project, ".bunw/lock"))
    const runs = await Promise.all([1, 2, 3, 4, 5].map((run) => here.run([String(run)])))
    expect(runs.map(({ code, error }) => [code, error])).toEqual(runs.map(() => [0, ""]))
    expect(here.log()).toEqual([expect.stringMatching(/^npm install/), install])
  })
})

describe("dependencies", () => {
  test("are installed when the lock is another one than that of node_modules, and not before", async () => {
    using here = place(withBun)
    for (const _ of [1, 2]) await here.run(["go"])
    expect(here.log()).toEqual([install])
    writeFileSync(join(here.project, "bun.lock"), "two\n")
    for (const _ of [1, 2]) await here.run(["go"])
    expect(here.log()).toEqual([install, install])
  })

  test("are installed when an earlier install was cut short", async () => {
    using here = place(withBun)
    mkdirSync(join(here.project, "node_modules"))
    await here.run(["go"])
    expect(here.log()).toEqual([install])
  })

  test("that cannot be installed are one clear failure, and nothing is run", async () => {
    using here = place(withBun)
    writeFileSync(join(here.path, "log.offline"), "")
    const { code, out, error } = await here.run(["go"])
    expect([code, out, error]).toEqual([
      1,
      [],
      "bunw: could not install the locked dependencies:\n  no route to registry\n",
    ])
  })

  test("are left to Bun's own commands about them", async () => {
    using here = place(withBun)
    for (const command of ["--version", "--help", "outdated", "remove", "i"]) await here.run([command])
    expect(here.log()).toEqual([])
  })
})

describe("what Bun is given", () => {
  test("the arguments, each as it is", async () => {
    using here = place(withBun)
    const args = ["run", "a b", "", "$HOME", '"', "*", "--flag=x y", "\n"]
    const { out } = await here.run(args)
    expect(out.slice(4).join("\n")).toBe(args.join("\n"))
  })

  test.each([0, 1, 2, 130])("its exit code %d is the wrapper's", async (code) => {
    using here = place(withBun)
    expect((await here.run(["code", String(code)])).code).toBe(code)
  })

  test("how late its compiler begins to do its best, unless the caller says when", async () => {
    using here = place(withBun)
    expect(await here.run(["compiling"])).toMatchObject({ out: ["1000000"] })
    const env = { BUN_JSC_thresholdForFTLOptimizeAfterWarmUp: "7" }
    expect(await here.run(["compiling"], { env })).toMatchObject({ out: ["7"] })
  })

  test("signals, because it is the same process", async () => {
    using here = place(withBun)
    const child = here.start(["serve"])
    const out = child.stdout.getReader()
    const text = async () => new TextDecoder().decode((await out.read()).value)
    expect(await text()).toBe(`serving ${child.pid}\n`)
    child.kill("SIGTERM")
    expect(await text()).toBe("stopped\n")
    expect(await child.exited).toBe(0)
  })

  test("inside the project, the caller's working directory", async () => {
    using here = place(withBun)
    const src = join(here.project, "src")
    const { out } = await here.run(["go"], { cwd: src, command: "../bunw" })
    expect(out.slice(1, 3)).toEqual([`in ${src}`, `from ${src}`])
  })

  test("from outside, the root of the project, and where the caller stood", async () => {
    using here = place(withBun)
    const elsewhere = join(here.path, "elsewhere")
    const { out } = await here.run(["run", "go"], { cwd: elsewhere })
    expect(out.slice(1, 3)).toEqual([`in ${here.project}`, `from ${elsewhere}`])
    const file = await here.run(["file.ts"], { cwd: elsewhere })
    expect(file.out[1]).toBe(`in ${elsewhere}`)
  })

  test("through symlinks and PATH, the same", async () => {
    using here = place(withBun)
    const elsewhere = join(here.path, "elsewhere")
    symlinkSync("../the project/bunw", join(elsewhere, "first"))
    symlinkSync("first", join(elsewhere, "second"))
    for (const options of [
      { command: "./second" },
      { command: "second", env: { PATH: `${elsewhere}:${join(here.path, "bin")}` } },
    ]) {
      const { code, out } = await here.run(["run", "go"], { cwd: elsewhere, ...options })
      expect([code, out[1]]).toEqual([0, `in ${here.project}`])
    }
  })
})

test("the allocator looks for memory to give back every five seconds, or as often as the caller says", async () => {
  using here = place(withBun)
  expect(await here.run(["purging"])).toMatchObject({ out: ["5000"] })
  const env = { MIMALLOC_PURGE_HOLES_MIN_INTERVAL: "100" }
  expect(await here.run(["purging"], { env })).toMatchObject({ out: ["100"] })
})
