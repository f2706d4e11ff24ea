/**
 * Every command of the documents is run here, or by a test that is named here,
 * or the document says that it was run by hand.
 */

import assert from "node:assert/strict";
import { withDeadline } from "../support/deadline.ts";
import {
  commandsOf,
  type DocumentedCommand,
  documents,
} from "../support/documents.ts";
import { DenoOnPath, ROOT } from "../support/example.ts";
import { type PoolProcess, startPool } from "../support/pool_process.ts";
import { ignoreWithout } from "../support/programs.ts";

/** What the program is called in the documents. */
const PROGRAM = String
  .raw`(?:prefork-pool|npx prefork-pool|\./tools/prefork-pool\.ts|node_modules/\.bin/prefork-pool|deno run (?:-\S+ )+tools/prefork-pool\.ts)`;

const SUBCOMMANDS =
  "status|top|reload|scale|simulate|list|logs|events|stop|health|completions";

/** Talks to a pool: the name, and what follows it. */
const SUBCOMMAND = new RegExp(`^prefork-pool ((${SUBCOMMANDS})\\b.*)$`);

/** Starts a pool: the settings, the program, and what follows it. */
const START = new RegExp(
  `^((?:[A-Z_]+=\\S+ )*)${PROGRAM}((?: (?!(?:${SUBCOMMANDS})\\b).*)?)$`,
);

const CURL = /^curl .*localhost:8080/;

/** Other commands, and the test that runs them. */
const RUN_ELSEWHERE: readonly (readonly [RegExp, string])[] = [
  [/^(npx --yes deno@[\d.]+|deno) task (start|test|ok)$/, ".ci/run"],
  [/task npm:pack /, "test/scripts/npm_pack_test.ts"],
  [/^npm install .*prefork-pool/, "test/scripts/npm_pack_test.ts"],
  [/^deno publish --dry-run/, "test/scripts/npm_pack_test.ts"],
  [/^(ln -s|deno install -g) /, "test/cli/installed_test.ts"],
  [/scripts\/bench_prefork\.sh/, "test/scripts/bench_prefork_test.ts"],
  // Parts of the whole.
  [/^(?:[A-Z_]+=\S+ )*deno test -A --config test\/deno\.json /, ".ci/run"],
];

const COMMANDS: readonly DocumentedCommand[] = documents().flatMap(commandsOf);

/** The shell of somebody who reads the documents. */
class Shell implements Disposable {
  readonly #deno = new DenoOnPath();
  readonly #directory = Deno.makeTempDirSync({ prefix: "documents-" });

  constructor() {
    Deno.symlinkSync(
      `${ROOT}tools/prefork-pool.ts`,
      `${this.#directory}/prefork-pool`,
    );
  }

  /** Runs a command in the checkout, or in a folder where it may leave files; fails when it fails. */
  async run(
    command: string,
    { env = {}, inFolder = false, allow = [0] }: {
      readonly env?: Readonly<Record<string, string>>;
      readonly inFolder?: boolean;
      readonly allow?: readonly number[];
    } = {},
  ): Promise<string> {
    const child = new Deno.Command("sh", {
      args: ["-c", command],
      cwd: inFolder ? this.#directory : ROOT,
      env: { PATH: `${this.#directory}:${this.#deno.path}`, ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const { code, stdout, stderr } = await withDeadline(
      child.output(),
      60_000,
      () => `"${command}" goes on running`,
    );
    const said = new TextDecoder().decode(stdout);
    assert.ok(
      allow.includes(code),
      `"${command}" exits with ${code}:\n${said}` +
        new TextDecoder().decode(stderr),
    );
    return said;
  }

  /** Leaves a file for a command to read. */
  write(name: string, text: string): void {
    Deno.writeTextFileSync(`${this.#directory}/${name}`, text);
  }

  [Symbol.dispose](): void {
    this.#deno[Symbol.dispose]();
    Deno.removeSync(this.#directory, { recursive: true });
  }
}

/** A pool that is reloaded at once. */
function startQuickPool(): Promise<PoolProcess> {
  return startPool({
    env: { POOL_SIZE: "1", RELOAD_CANARY_REQUESTS: "0", ACCESS_LOG: "on" },
    permissions: ["-A"],
  });
}

Deno.test("every command of the documents is run by a test, or was run by hand", () => {
  const neither = COMMANDS.filter(({ text, byHand }) =>
    !byHand && ![SUBCOMMAND, START, CURL].some((kind) => kind.test(text)) &&
    !RUN_ELSEWHERE.some(([kind]) => kind.test(text))
  );
  assert.deepEqual(
    neither.map(({ document, text }) => `${document}: ${text}`),
    [],
    'Run it in a test, or end its line with "# by hand"',
  );
  for (const [, test] of RUN_ELSEWHERE) Deno.statSync(ROOT + test);
});

Deno.test("every task that the documents name is one", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  for (const { document, text } of COMMANDS) {
    const task = /\btask (?:-q )?([\w:]+)/.exec(text)?.[1];
    if (task !== undefined) assert.ok(task in tasks, `${document}: ${task}`);
  }
});

Deno.test("every command that starts a pool can be used as it is written", async () => {
  using shell = new Shell();
  const commands = new Set(
    COMMANDS.filter(({ text }) => START.test(text)).map(({ text }) => text),
  );
  for (const command of commands) {
    const [, written = "", rest = ""] = START.exec(command) ?? [];
    // --check reads the ones, and looks for the others.
    const settings = written.replaceAll(
      "/etc/pool/",
      "test/fixtures/tls/first_",
    ).replaceAll("./zigttp", "zigttp");
    const program = / -- (?!deno\b)(\w+)/.exec(rest)?.[1] ?? "zigttp";
    // Not every machine has it, and it is not run here.
    shell.write(program, "");
    const said = await shell.run(`${settings}prefork-pool --check${rest}`);
    if (!/ --(version|help)/.test(rest)) {
      assert.match(said, /^The configuration can be used\.$/m, command);
    }
  }
  assert.ok(commands.size > 10);
});

Deno.test("every command that talks to a pool does what is written", async () => {
  using shell = new Shell();
  await using pool = await startQuickPool();
  const env = { PORT: String(pool.port), HOST: "127.0.0.1" };
  await (await fetch(pool.url)).body?.cancel();
  await pool.waitForEvent("access");
  shell.write("pool.log", pool.logs);
  const commands = [
    ...new Set(
      COMMANDS.flatMap(({ text }) => SUBCOMMAND.exec(text) ?? [])
        .filter((text) => text.startsWith("prefork-pool ")),
    ),
  ];
  // Whatever else there is to do is done before it is ended.
  const inOrder = commands.toSorted((a, b) =>
    Number(/ stop\b/.test(a)) - Number(/ stop\b/.test(b))
  );
  for (const command of inOrder) {
    const endless = / top\b| -f\b/.exec(command);
    if (endless === null) await shell.run(command, { env, inFolder: true });
    else {
      // Would go on until it is interrupted: its help knows the option.
      const help = await shell.run(`${command.replace(/ -f\b/, "")} --help`);
      if (endless[0] === " -f") assert.match(help, /-f\b/, command);
    }
  }
  assert.equal((await pool.status).code, 0, "stop has ended it");
});

Deno.test({
  name: "every request of the documents is served (needs curl)",
  ignore: ignoreWithout("curl"),
  async fn(): Promise<void> {
    using shell = new Shell();
    await using pool = await startQuickPool();
    for (const { text } of COMMANDS.filter(({ text }) => CURL.test(text))) {
      // A stream has no end; 28: the time is up.
      const endless = / -N /.test(text) ? " --max-time 1" : "";
      await shell.run(
        text.replace("localhost:8080", `localhost:${pool.port}`)
          .replace("curl ", `curl -sS --fail${endless} `),
        { allow: endless === "" ? [0] : [0, 28] },
      );
    }
  },
});
