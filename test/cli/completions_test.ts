/** What shells make of the scripts that complete the command line. */

import assert from "node:assert/strict";
import { SUBCOMMANDS } from "../../src/cli/subcommands.ts";
import { SETTING_NAMES } from "../../src/config/settings.ts";
import { runCommand } from "../support/command_line.ts";
import { ignoreWithout } from "../support/programs.ts";
import { Terminal } from "../support/terminal.ts";

/** Lines that are typed, and what a shell has to offer then, among others or alone. */
const CASES: readonly {
  readonly line: string;
  readonly has?: readonly string[];
  readonly only?: readonly string[];
}[] = [
  { line: "prefork-pool st", only: ["status", "stop"] },
  { line: "prefork-pool --poli", only: ["--policy"] },
  { line: "prefork-pool --policy ip", only: ["ip-hash"] },
  { line: "prefork-pool --name web sta", only: ["status"] },
  { line: "prefork-pool logs --wor", only: ["--worker"] },
  { line: "prefork-pool logs --worker 1 --f", only: ["--follow"] },
  { line: "prefork-pool status --", has: ["--json", "--pid", "--admin"] },
  { line: "prefork-pool completions f", only: ["fish"] },
  { line: "prefork-pool simulate --scale-up", only: ["--scale-up-rate"] },
];

async function script(shell: string): Promise<string> {
  const { code, stdout } = await runCommand(["completions", shell]);
  assert.equal(code, 0);
  return stdout;
}

async function run(program: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    env: { TERM: "dumb" },
  }).output();
  const decoder = new TextDecoder();
  assert.equal(code, 0, decoder.decode(stderr));
  assert.equal(decoder.decode(stderr), "");
  return decoder.decode(stdout);
}

function judge(
  offered: readonly string[],
  { line, has = [], only }: typeof CASES[number],
): void {
  if (only !== undefined) assert.deepEqual(offered, only, line);
  for (const word of has) assert.ok(offered.includes(word), `${line}: ${word}`);
}

Deno.test({
  name: "bash completes subcommands, options and values (needs bash)",
  ignore: ignoreWithout("bash"),
  async fn(): Promise<void> {
    const program = `${await script("bash")}
complete_line() {
  local IFS=$' '
  COMP_WORDS=($1)
  COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
  _prefork_pool
  printf '%s\\n' "\${COMPREPLY[@]}"
}
complete_line "$1"`;
    const complete = async (line: string): Promise<string[]> =>
      (await run("bash", ["-c", program, "bash", line])).trim().split("\n")
        .filter((word) => word !== "");
    for (const each of CASES) judge((await complete(each.line)).sort(), each);
    // As bash splits it.
    assert.deepEqual(await complete("prefork-pool --policy = ip"), ["ip-hash"]);
    assert.deepEqual(await complete("prefork-pool -- st"), []);
  },
});

Deno.test({
  name: "fish completes subcommands, options and values (needs fish)",
  ignore: ignoreWithout("fish"),
  async fn(): Promise<void> {
    const program = `source (echo $argv[1] | psub)
complete -C $argv[2]`;
    const source = await script("fish");
    for (const each of CASES) {
      const text = await run("fish", [
        "--no-config",
        "-c",
        program,
        source,
        each.line,
      ]);
      const words = text.trim().split("\n").map((line) => line.split("\t")[0]!);
      judge(words.sort(), each);
    }
  },
});

Deno.test({
  name: "zsh completes subcommands, options and values (needs zsh)",
  ignore: ignoreWithout("zsh", "script", "stty", "tty"),
  async fn(): Promise<void> {
    const file = await Deno.makeTempFile();
    try {
      await Deno.writeTextFile(file, await script("zsh"));
      await using terminal = await Terminal.run(["zsh", "-f", "-i"], {
        env: { PS1: "", TERM: "dumb" },
      });
      await terminal.type(
        `autoload -U compinit; compinit -u -D; . ${file}; print rea''dy\n`,
      );
      await terminal.readUntil("ready");
      for (const { line, only } of CASES) {
        if (only?.length !== 1) continue;
        // It is echoed as it is completed, and seen again as it is run.
        await terminal.type(`${line}\t`);
        await terminal.readUntil(only[0]!);
        await terminal.type("\x15");
      }
      await terminal.type("exit\n");
      await terminal.readUntilEnd();
    } finally {
      await Deno.remove(file);
    }
  },
});

Deno.test("each script knows every subcommand and every flag there is", async () => {
  for (const shell of ["bash", "zsh", "fish"]) {
    const text = await script(shell);
    for (const name of Object.keys(SUBCOMMANDS)) assert.ok(text.includes(name));
    for (const name of SETTING_NAMES) {
      const flag = name.replace(/[A-Z]/g, "-$&").toLowerCase();
      assert.ok(text.includes(flag), `${flag} in ${shell}`);
    }
  }
});

Deno.test("a shell that is not known is refused, with those that are", async () => {
  for (const args of [[], ["tcsh"], ["bash", "zsh"]]) {
    const { code, stderr } = await runCommand(["completions", ...args]);
    assert.equal(code, 2);
    assert.equal(stderr, "Cannot complete: name one shell, bash, zsh, fish\n");
  }
});
