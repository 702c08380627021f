import type { Holdings } from "./sides.js";

/** What the tags that have moved need and their repositories do not have. */
export function missingFrom(before: Holdings, { tags, digests, manifests }: Holdings): string[] {
  const missing: string[] = [];
  for (const [name, { body, digest }] of tags) {
    if (before.tags.get(name)?.digest === digest) continue;
    const held = digests.get(name.slice(0, name.lastIndexOf(":")));
    const visit = (bytes: Buffer): void => {
      for (const needed of digestsIn(bytes)) {
        if (held?.has(`manifest ${needed}`) === true) visit(manifests.get(needed) ?? Buffer.from("{}"));
        else if (held?.has(`blob ${needed}`) !== true) missing.push(`${name} ${needed}`);
      }
    };
    visit(body);
  }
  return missing;
}

/** What a manifest lists, its subject aside. */
function digestsIn(manifest: Buffer): string[] {
  const parsed: unknown = JSON.parse(manifest.toString());
  const listed = [
    member(parsed, "config"),
    ...["layers", "manifests"].flatMap((name) => member(parsed, name)),
  ];
  return listed.map((entry) => member(entry, "digest")).filter((digest) => typeof digest === "string");
}

export function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}
