import { describe, expect, test } from "vitest";
import type { Descriptor } from "../../src/oci/descriptor.js";
import { OCI_INDEX, OCI_MANIFEST } from "../../src/oci/mediaTypes.js";
import { answer, type Incoming, type Outgoing } from "../helpers/peer.js";
import { HTML, manifestOf, TARGET, withStage, type Stage } from "./stage.js";

const subject = manifestOf("a").digest;
const SBOM = "application/spdx+json";
const SIGNATURE = "application/vnd.dev.cosign.artifact.sig.v1+json";

const referrer = (name: string, artifactType: string) => ({
  mediaType: OCI_MANIFEST,
  digest: manifestOf(name).digest,
  size: 2,
  artifactType,
});
const index = (...manifests: object[]): string =>
  JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests });

async function typesOf({ target }: Stage, artifactType?: string): Promise<string[]> {
  const found: Descriptor[] = [];
  for await (const one of target.referrers(subject, artifactType)) found.push(one);
  return found.map((one) => one.artifactType);
}

const both = index(referrer("one", SBOM), referrer("two", SIGNATURE));
const sendIndex = (response: Outgoing, body: string, headers: Record<string, string> = {}): true =>
  answer(response, 200, { "Content-Type": OCI_INDEX, ...headers }, body);

describe("what refers to a manifest", () => {
  test("is listed by the registry", () =>
    withStage({}, async (stage) => {
      const artifact = {
        schemaVersion: 2,
        mediaType: OCI_MANIFEST,
        config: referrer("config", SBOM),
        layers: [],
        subject: referrer("a", ""),
        artifactType: SBOM,
      };
      stage.peer.putManifest(TARGET, OCI_MANIFEST, JSON.stringify(artifact));
      expect(await typesOf(stage)).toEqual([SBOM]);
      expect(await typesOf(stage, SIGNATURE)).toEqual([]);
      expect(stage.peer.requests.at(-1)).toBe(
        `GET /v2/${TARGET}/referrers/${subject}?artifactType=${encodeURIComponent(SIGNATURE)}`,
      );
    }));

  test("is filtered here where the registry does not do it", () =>
    withStage({ intercept: (_, response) => sendIndex(response, both) }, async (stage) => {
      expect(await typesOf(stage, SBOM)).toEqual([SBOM]);
      expect(await typesOf(stage)).toEqual([SBOM, SIGNATURE]);
    }));

  test("is read page by page", () =>
    withStage(
      {
        intercept: ({ url = "" }, response) =>
          url.includes("page=2")
            ? sendIndex(response, index(referrer("two", SIGNATURE)))
            : sendIndex(response, index(referrer("one", SBOM)), { Link: `<${url}?page=2>; rel="next"` }),
      },
      async (stage) => {
        expect(await typesOf(stage)).toEqual([SBOM, SIGNATURE]);
        expect(stage.peer.requests).toHaveLength(2);
      },
    ));

  test("is not read for ever", () =>
    withStage(
      {
        intercept: ({ url = "" }, response) =>
          sendIndex(response, index(), { Link: `<${url.split("?")[0] ?? ""}?again>; rel="next"` }),
      },
      async (stage) => {
        await expect(typesOf(stage)).rejects.toMatchObject({ code: "LIMIT" });
      },
    ));

  test("is not looked for on another host", () =>
    withStage(
      {
        intercept: (_, response) =>
          sendIndex(response, index(), { Link: '<https://other.example/v2/next>; rel="next"' }),
      },
      async (stage) => {
        await expect(typesOf(stage)).rejects.toMatchObject({ code: "INVALID_ANSWER" });
      },
    ));

  const noApi: readonly [string, (response: Outgoing) => true][] = [
    ["has no such API (404)", (response) => answer(response, 404)],
    ["answers with a page for people", (response) => answer(response, 200, HTML, "<html></html>")],
  ];
  test.each(noApi)("is read from the tag that stands in for the API, if the registry %s", (_name, deal) =>
    withStage(
      { intercept: ({ url = "" }: Incoming, response) => url.includes("/referrers/") && deal(response) },
      async (stage) => {
        expect(await typesOf(stage)).toEqual([]);
        stage.peer.putManifest(TARGET, OCI_INDEX, both, subject.replace(":", "-"));
        expect(await typesOf(stage, SIGNATURE)).toEqual([SIGNATURE]);
      },
    ),
  );

  test("is not guessed at when the registry fails", () =>
    withStage({ intercept: (_, response) => answer(response, 403) }, async (stage) => {
      await expect(typesOf(stage)).rejects.toMatchObject({ code: "REGISTRY", status: 403 });
    }));
});
