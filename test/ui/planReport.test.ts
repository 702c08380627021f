import { describe, expect, test } from "vitest";
import { openLayout } from "../../src/content/layout.js";
import type { Repository } from "../../src/content/repository.js";
import type { Location } from "../../src/oci/location.js";
import { execute } from "../../src/push/execute.js";
import { planManifests, type PlanItem } from "../../src/push/plan.js";
import { survey, type Survey } from "../../src/push/survey.js";
import { createRegistry } from "../../src/registry/createRegistry.js";
import { formatPlanReport, planReport } from "../../src/ui/planReport.js";
import { PlanReport } from "../../src/ui/planReportSchema.js";
import { startPeer, type Peer } from "../helpers/peer.js";
import { imageItem, indexOf, repositoryOf } from "../helpers/trees.js";

/** What `--plan` prints. */

const PATH = "team/app";

interface Stage {
  readonly peer: Peer;
  readonly elsewhere: Peer;
  readonly open: (location: Location) => Repository;
}

async function onStage(play: (stage: Stage) => Promise<void>): Promise<void> {
  const peers = [await startPeer(), await startPeer()] as const;
  const clients = await Promise.all(peers.map(({ host }) => createRegistry({ domain: host, retries: 0 })));
  const sessions = clients.map((client) => client.session({ access: [] }));
  try {
    await play({
      peer: peers[0],
      elsewhere: peers[1],
      open: (location) => {
        if (location.kind === "layout") return openLayout(location.folder);
        return sessions[peers.findIndex(({ host }) => host === location.domain)]!.repository(location.path);
      },
    });
  } finally {
    await Promise.all(clients.map((client) => client.close()));
    await Promise.all(peers.map((peer) => peer.close()));
  }
}

/** The text with names in place of what differs from run to run. */
function named(text: string, names: Readonly<Record<string, string>>): string {
  return Object.entries(names).reduce((all, [name, value]) => all.replaceAll(value, name), text);
}

describe("a plan as text", () => {
  test("says what is there, what would be sent, level by level, and what becomes of the tags", async () => {
    await onStage(async ({ peer, elsewhere, open }) => {
      const amd64 = imageItem(peer, "src/a", { layers: ["shared", "amd64"] });
      const arm64 = imageItem(elsewhere, "src/b", { architecture: "arm64", layers: ["shared", "arm64"] });
      const items = [amd64, arm64];
      const old = indexOf([imageItem(peer, PATH, { seed: "old" }).manifest], { annotations: { a: "1" } });
      peer.putManifest(PATH, old.mediaType, old.bytes, "v1");
      peer.putManifest(PATH, old.mediaType, old.bytes, "latest");
      const root = indexOf(items.map(({ manifest }) => manifest));
      const tags = ["v1", "latest", "new"];
      const planned = planManifests({ target: repositoryOf(peer, PATH), root, tags, items });
      const names: Record<string, string> = { PEER: peer.host, ELSEWHERE: elsewhere.host };
      names["sha256:root"] = root.digest;
      names["sha256:old"] = old.digest;
      names["sha256:before"] = old.children[0]!.digest;
      items.forEach((item, index) => {
        names[`sha256:image${index}`] = item.manifest.digest;
        for (const [at, { digest }] of item.manifest.blobs.entries())
          names[`sha256:blob${index}${at}`] = digest;
      });
      for (const [name, digest] of Object.entries(names)) {
        if (name.includes(":")) names[name.replace(":", "%3A")] = digest.replace(":", "%3A");
      }
      const text = formatPlanReport([await survey(planned, open)], "text");
      expect(named(text, names)).toMatchSnapshot();

      await execute(planned, open);
      const again = named(formatPlanReport([await survey(planned, open)], "text"), names);
      expect(again).toMatchSnapshot();
    });
  });

  test("says that it would fail where only mounts are wanted, and what is not known", async () => {
    await onStage(async ({ peer, elsewhere, open }) => {
      const item = imageItem(elsewhere, "src/b", { os: "windows", foreignLayers: 1 });
      peer.putManifest(PATH, "application/vnd.docker.distribution.manifest.v1+json", "{}", "v1");
      const root = indexOf([item.manifest]);
      const target = repositoryOf(peer, PATH);
      const planned = planManifests({ target, root, tags: ["v1"], items: [item], mountOnly: true });
      const text = formatPlanReport([await survey(planned, open)], "text");
      expect(text).toMatch(
        /^ {2}fails {4}2 blobs \(\d+ B\) would have to be copied, and only mounts are wanted$/m,
      );
      expect(text).toMatch(/^ {2}foreign {2}1 blob /m);
      expect(text).toMatch(/^ {2}tag v1: what it names is not known: .* is no manifest$/m);
    });
  });

  test("has a block for each target; a layout's files are written", async () => {
    await onStage(async ({ peer, open }) => {
      const item = imageItem(peer, "src/a");
      const root = indexOf([item.manifest]);
      const targets: Location[] = [repositoryOf(peer, PATH), { kind: "layout", folder: "/nowhere/out put" }];
      const surveys = await Promise.all(
        targets.map((target) => survey(planManifests({ target, root, tags: ["v1"], items: [item] }), open)),
      );
      const text = formatPlanReport(surveys, "text");
      expect(text.split("\n\n").map((block) => block.split("\n")[0])).toEqual([
        `${peer.host}/${PATH}`,
        "oci-layout:///nowhere/out put",
      ]);
      expect(text).toContain("    WRITE  file:///nowhere/out%20put/index.json\n");
      const { requests } = planReport(surveys);
      expect(requests.map(({ level }) => level)).toEqual(requests.map(({ level }) => level).sort());
      expect(new Set(requests.map(({ target }) => target)).size).toBe(2);
    });
  });
});

/** A survey of a registry that nobody has asked, of an index with what makes trouble on a terminal. */
function madeUp(domain: string, more: object = {}): Survey {
  const peerless: PlanItem[] = [];
  const root = indexOf([], { annotations: { "a\nb\u009b": "red \u001b[31m\n\u202etext\u007f" }, ...more });
  const target: Location = { kind: "registry", domain, path: PATH };
  const plan = planManifests({ target, root, tags: ["v1"], items: peerless });
  return { plan, assumptions: {}, manifests: [], blobs: [], tags: [{ tag: "v1", state: "absent" }] };
}

// eslint-disable-next-line no-control-regex -- none of these may come out
const UNSAFE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/;

describe("a plan", () => {
  test("as JSON is one of the schema, and says the same as the data", async () => {
    await onStage(async ({ peer, elsewhere, open }) => {
      const item = imageItem(elsewhere, "src/b");
      const root = indexOf([item.manifest]);
      const planned = planManifests({ target: repositoryOf(peer, PATH), root, tags: ["v1"], items: [item] });
      const surveys = [await survey(planned, open)];
      const json = formatPlanReport(surveys, "json");
      const parsed = PlanReport.parse(JSON.parse(json));
      expect(parsed).toEqual(planReport(surveys));
      expect(parsed.requests.at(-1)).toEqual({
        level: 4,
        target: `${peer.host}/${PATH}`,
        method: "PUT",
        url: `http://${peer.host}/v2/${PATH}/manifests/v1`,
        bytes: root.bytes.byteLength,
      });
      expect(parsed.targets[0]!.blobs.copy).toMatchObject({ count: 2, from: [`${elsewhere.host}/src/b`] });
      expect(
        parsed.requests.filter(({ method }) => method === "GET").map(({ url }) => new URL(url).host),
      ).toEqual([elsewhere.host, elsewhere.host]);
      // The schema names all of it, and reads what a later version adds.
      expect(JSON.parse(json)).toEqual(parsed);
      expect(PlanReport.parse({ ...parsed, more: 1 })).toEqual(parsed);
    });
  });

  test("has the addresses that would be used first", () => {
    const urlOf = (domain: string, flags: object = {}): string => {
      const endpoint = { insecure: false, plainHttp: false, hasCertificates: false, ...flags };
      return planReport([madeUp(domain)], { endpointOf: () => endpoint }).requests[0]!.url;
    };
    const path = `/v2/${PATH}/manifests/v1`;
    expect(urlOf("docker.io")).toBe(`https://registry-1.docker.io${path}`);
    expect(urlOf("reg.example:443")).toBe(`https://reg.example:443${path}`);
    expect(urlOf("reg.example", { plainHttp: true })).toBe(`http://reg.example${path}`);
    expect(urlOf("reg.example", { insecure: true })).toBe(`https://reg.example${path}`);
    expect(urlOf("localhost:5000")).toBe(`http://localhost:5000${path}`);
    expect(urlOf("localhost:5000", { hasCertificates: true })).toBe(`https://localhost:5000${path}`);
  });

  test("sends nothing to a terminal that it would obey", () => {
    const surveys = [madeUp("reg.example", { artifactType: "x\r\u001b]0;title\u0007" })];
    const json = formatPlanReport(surveys, "json");
    expect(json.replaceAll("\n", "")).not.toMatch(UNSAFE);
    expect(JSON.parse(json)).toEqual(planReport(surveys));
    const text = formatPlanReport(surveys, "text");
    expect(text.replaceAll("\n", "")).not.toMatch(UNSAFE);
    expect(text).toContain(`    + annotation "a\\nb\\u009b": "red \\u001b[31m\\n\\u202etext\\u007f"\n`);
  });
});
