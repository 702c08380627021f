import { spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { SCRIPTS } from "../../src/commands/completion/scripts.js";
import { emptyDraft } from "../../src/list/draft.js";
import { parseReference } from "../../src/oci/reference.js";
import { openStore } from "../../src/store/store.js";
import { entryOf } from "../helpers/entries.js";
import { buildProgram, type Program } from "../helpers/program.js";
import { describeWithPrograms } from "../helpers/registryServer.js";

/** Lines typed into real shells, with a tab in them, on a terminal of `script`'s. */

const LIST = "127.0.0.1:5000/team/app:v1";
const ARM64 = "127.0.0.1:5000/team/app:v1-arm64";

/** Begins another candidate, which a shell would run; is obeyed by terminals; ends lines in other ways. */
const EVIL = `amd64\n127.0.0.1:5000/team/forged:1;touch\${IFS}ran;\u001b]0;title\u0007\u001b[31m\ttab\r\u0085`;
const EVIL_LIST = "127.0.0.1:5000/team/evil:v1";
/** What no version of the command answers: the scripts leave it a word all the same. */
const FORGED = `words
x;touch ran
x$(touch ran)
x\`touch ran\`
x"y;touch ran
x'y;touch ran
y;touch ran
`;

let program: Program;
let folder: string;

beforeAll(async () => {
  program = await buildProgram();
  folder = mkdtempSync(join(tmpdir(), "completion-"));
  const name = parseReference(LIST);
  const entries = [entryOf(`${LIST}-amd64`), entryOf(ARM64, { architecture: "arm64" })];
  await openStore(join(folder, "manifests")).change(name, () => ({ ...emptyDraft(name), entries }));
  // Stands for the command: it answers the scripts, and shows what it would be run with.
  mkdirSync(join(folder, "bin"));
  const command = join(folder, "bin", "tsmanifest");
  writeFileSync(
    command,
    `#!/bin/sh
if [ "$1 $2" = '__complete forged' ]; then cat '${join(folder, "bin", "forged")}'; exit; fi
if [ "$1" = __complete ]; then exec '${process.execPath}' '${program.file}' "$@"; fi
printf 'RAN'; for word; do printf '[%s]' "$word"; done; printf '\\n'
`,
  );
  chmodSync(command, 0o755);
  writeFileSync(join(folder, "bin", "forged"), FORGED);
  // A list whose platform a registry has made up.
  const evil = parseReference(EVIL_LIST);
  await openStore(join(folder, "evil", "manifests")).change(evil, () => ({
    ...emptyDraft(evil),
    entries: [entryOf(`${EVIL_LIST}-amd64`, { architecture: EVIL })],
  }));
  mkdirSync(join(folder, "some folder"));
  writeFileSync(join(folder, "certificate.pem"), "");
  for (const [shell, script] of SCRIPTS) writeFileSync(join(folder, `completion.${shell}`), script);
});

afterAll(async () => {
  program.remove();
  // A shell that is about to end may still write into it, also while it is being removed: `maxRetries` would not look again.
  for (let tries = 1; ; tries++) {
    try {
      rmSync(folder, { recursive: true, force: true });
      return;
    } catch (error) {
      if (tries === 100) throw error;
      await sleep(50);
    }
  }
});

/** What an evil platform has that no shell writes of itself: a title, a colour, a line end of C1. */
// eslint-disable-next-line no-control-regex -- finding control characters is the point
const OBEYED = /\u001b\]0;title|\u001b\[31m|\u0085/;

const SHELLS = {
  bash: { start: "bash --norc --noprofile -i", setUp: "source completion.bash" },
  "bash that goes through all candidates": {
    start: "bash --norc --noprofile -i",
    setUp: "source completion.bash; bind 'TAB: menu-complete'",
  },
  zsh: { start: "zsh -f -i", setUp: "autoload -Uz compinit; compinit -u -D; source completion.zsh" },
  fish: { start: "fish --no-config -i", setUp: "source completion.fish" },
};

/** What a line with tabs in it was run as: `[push][x.example/app:v1]`. */
async function typed(shell: keyof typeof SHELLS, line: string): Promise<{ ran: string; screen: string }> {
  const { start, setUp } = SHELLS[shell];
  const child = spawn("script", ["-qfec", start, "/dev/null"], {
    cwd: folder,
    stdio: ["pipe", "pipe", "inherit"],
    env: {
      PATH: `${join(folder, "bin")}:${process.env["PATH"] ?? ""}`,
      HOME: folder,
      DOCKER_CONFIG: folder,
      TERM: "dumb",
      PS1: "$ ",
    },
  });
  let screen = "";
  child.stdout.on("data", (piece) => (screen += String(piece)));
  const until = async (pattern: RegExp): Promise<RegExpExecArray> => {
    for (let tries = 0; tries < 400; tries++) {
      const found = pattern.exec(screen);
      if (found !== null) return found;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    throw new Error(`${shell} has not shown ${String(pattern)}: ${JSON.stringify(screen)}`);
  };
  try {
    child.stdin.write(`${setUp}\ntsmanifest set up\r`);
    await until(/RAN\[set\]\[up\]/);
    screen = "";
    child.stdin.write(`${line}\r`);
    const [, ran = ""] = await until(/RAN((?:\[.*\])*)[\r\n]/);
    return { ran, screen };
  } finally {
    child.stdin.end("\rexit\r");
    child.kill();
  }
}

describe_("bash");
describe_("zsh");
describe_("fish");

function describe_(shell: keyof typeof SHELLS): void {
  describeWithPrograms(`completion in ${shell}`, [shell, "script"], () => {
    it.each([
      ["a command", "tsmanifest pus\t a", "[push][a]"],
      ["a command of a group", "tsmanifest buildx imagetools ins\t a", "[buildx][imagetools][inspect][a]"],
      ["a flag", "tsmanifest push --purg\t a", "[push][--purge][a]"],
      ["the value of a flag", "tsmanifest push --format js\t a", "[push][--format][json][a]"],
      ["a value behind =", "tsmanifest push --format=js\t a", "[push][--format=json][a]"],
      ["a list, whose name has colons", "tsmanifest push 127.0.0.1:5\t", `[push][${LIST}]`],
      ["a list up to the next colon", "tsmanifest push 127.0.0.1:5000/team/app:\t", `[push][${LIST}]`],
      ["a list with nothing typed of it", "tsmanifest push \t", `[push][${LIST}]`],
      ["an image of the list", `tsmanifest annotate ${LIST} ${LIST}-ar\t`, `[annotate][${LIST}][${ARM64}]`],
      ["an image behind =", `tsmanifest rm ${LIST} --entry=${LIST}-ar\t`, `[rm][${LIST}][--entry=${ARM64}]`],
      ["a file", "tsmanifest push --ca-file cert\t a", "[push][--ca-file][certificate.pem][a]"],
      ["a file behind =", "tsmanifest push --ca-file=cert\t a", "[push][--ca-file=certificate.pem][a]"],
      ["a folder with a space", "tsmanifest ls --store so\t", "[ls][--store][some folder]"],
      ["nothing of a registry", "tsmanifest imagetools inspect cert\t", "[imagetools][inspect][cert]"],
      ["a quoted word", `tsmanifest push '127.0.0.1:5\t`, `[push][${LIST}]`],
    ])(
      "completes %s",
      async (_, line, ran) => {
        // Some leave out the slash when the line is run.
        expect((await typed(shell, line)).ran.replace("/]", "]")).toBe(ran);
      },
      20_000,
    );

    describeHostile(shell);

    it("shows no error, and runs nothing of the line", async () => {
      const { ran, screen } = await typed(shell, `tsmanifest push --store '$(touch ran)' \t`);
      expect(ran).toBe("[push][--store][$(touch ran)]");
      expect(screen).not.toMatch(/error|not found|bad/i);
    }, 20_000);
  });
}

describeWithPrograms("completion in bash that goes through all candidates", ["bash", "script"], () => {
  describeHostile("bash that goes through all candidates");

  it.each(["'", '"'])(
    "answers nothing within %s that would end it",
    async (quote) => {
      const { ran } = await typed("bash", `tsmanifest forged ${quote}x\t\t${quote}`);
      expect(ran).toBe("[forged][x]");
      expect(existsSync(join(folder, "ran"))).toBe(false);
    },
    20_000,
  );
});

/** No machine of CI has it. */
it.skipIf(spawnSync("pwsh", ["-Version"]).error !== undefined)(
  "completion in PowerShell has no error of syntax (skipped: not installed: pwsh)",
  () => {
    const errors = `$errors = $null
[void][System.Management.Automation.Language.Parser]::ParseFile((Resolve-Path completion.powershell), [ref]$null, [ref]$errors)
$errors | ForEach-Object { $_.ToString() }
'parsed'`;
    const { stdout } = spawnSync("pwsh", ["-NoProfile", "-NonInteractive", "-Command", errors], {
      cwd: folder,
      encoding: "utf8",
    });
    expect(stdout.trim()).toBe("parsed");
  },
);

/** What somebody else has a say in. */
function describeHostile(shell: keyof typeof SHELLS): void {
  beforeEach(() => {
    rmSync(join(folder, "ran"), { force: true });
  });

  it.each([1, 2, 3])(
    "runs nothing that a registry has said, nor has the terminal obey it: after %i tabs",
    async (tabs) => {
      const line = `tsmanifest push --store evil/manifests 127.0.0.1:5${"\t".repeat(tabs)}`;
      const { ran, screen } = await typed(shell, line);
      expect(ran).toBe(`[push][--store][evil/manifests][${EVIL_LIST}]`);
      expect(screen).not.toMatch(OBEYED);
      expect(existsSync(join(folder, "ran"))).toBe(false);
    },
    20_000,
  );

  it.each([1, 2, 3, 4, 5, 6])(
    "inserts words, whatever is answered: after %i tabs",
    async (tabs) => {
      // The second Enter is for shells whose first one takes a candidate.
      const { ran } = await typed(shell, `tsmanifest forged x${"\t".repeat(tabs)}\r`);
      expect(ran).toMatch(/^\[forged\]\[x[^\]]*\]$/);
      expect(existsSync(join(folder, "ran"))).toBe(false);
    },
    20_000,
  );
}
