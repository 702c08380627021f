import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { encodeManPage, encodePage, MAN_FILE, PAGE_FILE } from "../../tools/reference.js";
import * as about from "../../src/commands/about.js";
import { commonFlags, globalFlags } from "../../src/commands/command.js";
import * as flagGroups from "../../src/commands/flagGroups.js";
import { commands } from "../../src/commands/index.js";
import { longName } from "../../src/go/flags.js";
import { VERSION } from "../../src/version.js";
import { allCommands } from "../helpers/allCommands.js";
import { describeWithPrograms } from "../helpers/registryServer.js";

const tables = { ...about, ...flagGroups, commands, commonFlags, globalFlags, VERSION };

describe("the command line's reference", () => {
  it("docs/cli.md is what tools/reference.js makes of the tables", async () => {
    expect(readFileSync(PAGE_FILE, "utf8")).toBe(await encodePage(tables));
  });

  it("man/tsmanifest.1 is what tools/reference.js makes of the tables", async () => {
    expect(readFileSync(MAN_FILE, "utf8")).toBe(await encodeManPage(tables));
  });

  it("has every command, with every flag of it, in both", async () => {
    const page = readFileSync(PAGE_FILE, "utf8");
    const man = readFileSync(MAN_FILE, "utf8").replaceAll("\\-", "-");
    for (const { name, flags } of await allCommands()) {
      const section = page.split("\n## ").find((text) => text.startsWith(`tsmanifest ${name}\n`)) ?? "";
      expect(man).toContain(`.SS "tsmanifest ${name} `);
      for (const key of Object.keys({ ...flags, ...commonFlags })) {
        expect(section).toMatch(new RegExp(`\\| \`(?:-\\w, )?--${longName(key)}[\` \\[]`));
        expect(man).toContain(`--${longName(key)}`);
      }
    }
  });
});

describeWithPrograms("the manual page", ["groff", "mandoc"], () => {
  it("has nothing that groff warns of", () => {
    const { stderr, stdout, status } = spawnSync("groff", ["-man", "-ww", "-Tascii", "-P-cbou", MAN_FILE]);
    expect({ status, stderr: String(stderr) }).toEqual({ status: 0, stderr: "" });
    const text = String(stdout);
    expect(text).toContain("tsmanifest push [OPTIONS] MANIFEST_LIST");
    expect(text).toMatch(/--retries <n>\n +How\s+often\s+to\s+retry/);
  });

  it("has nothing that mandoc takes for an error", () => {
    const { status, stdout } = spawnSync("mandoc", ["-Tlint", "-W", "error", MAN_FILE]);
    expect({ status, stdout: String(stdout) }).toEqual({ status: 0, stdout: "" });
  });
});
