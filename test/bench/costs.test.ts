import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { HELD } from "../../bench/bars.js";
import { openLab, type Result } from "../../bench/lab.js";
import { commandsFor, PEERS } from "../../bench/peers.js";
import { FULL, titleOf, type Scenario } from "../../bench/scenarios.js";

const folderOfCertificates = fileURLToPath(new URL("../helpers/certificates/", import.meta.url));
const certificate = {
  key: join(folderOfCertificates, "server.key"),
  cert: join(folderOfCertificates, "server.crt"),
  ca: join(folderOfCertificates, "ca.crt"),
};

/**
 * So long that requests that are sent together are told from those that wait for each other on a busy machine, too. What
 * has thousands of requests is only counted.
 */
const [CLEAR_MS, COUNTED_MS] = [500, 20];

const rows = HELD.flatMap(({ title, command, cost }) =>
  cost === undefined ? [] : [[`${title}: ${command}`, { title, command, cost }] as const],
);

describe("what tsmanifest holds itself to: the built program, on a registry behind a line", () => {
  test.each(rows)("%s", async (_, { title, command, cost }) => {
    const scenario = FULL.find((one) => titleOf(one) === title);
    if (scenario === undefined) throw new Error(`the benchmark does not measure "${title}"`);
    const { requests, levels, connections, refused } = await runOnce(
      { ...scenario, rtt: cost.levels === undefined ? COUNTED_MS : CLEAR_MS },
      command,
    );
    expect({ requests, refused }).toEqual({ requests: cost.requests, refused: 0 });
    if (cost.levels !== undefined) {
      expect(levels).toBeGreaterThanOrEqual(cost.levels);
      expect(levels).toBeLessThanOrEqual(cost.levels + (cost.spare ?? 0));
    }
    expect(connections).toBeLessThanOrEqual(cost.connections);
  });
});

/** In a home of its own. HTTPS is spoken to an address by which nobody can tell that it is this machine. */
async function runOnce(scenario: Scenario, name: string): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), "costs-"));
  const { protocol } = scenario;
  const address = protocol === "http" ? "127.0.0.1" : "0.0.0.0";
  const lab = await openLab({ folder, protocol, address, certificate, counting: true });
  try {
    const peer = PEERS.find((one) => one.name === "tsmanifest");
    const command = peer && commandsFor(peer, scenario.act).find((one) => one.name === name);
    if (peer === undefined || command === undefined) throw new Error(`there is no ${name}`);
    const result = await lab.run(peer, command, { ...scenario, limitMs: 50_000 });
    expect(result.fault).toBe("");
    return result;
  } finally {
    await lab.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
