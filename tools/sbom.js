// Prints a software bill of materials of the package, as CycloneDX: what it depends on, and what is bundled with the command.
// npm's own has every tool of this repository in it, and leaves out what is bundled where those are to be left out.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as z from "zod/mini";
import { VENDORED } from "../scripts/bundle.js";

const root = fileURLToPath(new URL("..", import.meta.url));

const Manifest = z.object({ name: z.string(), dependencies: z.record(z.string(), z.string()) });

const Component = z.looseObject({
  "bom-ref": z.string(),
  name: z.string(),
  properties: z.array(z.looseObject({ name: z.string() })),
});

/** https://cyclonedx.org/docs/1.5/json/ */
const Bom = z.looseObject({
  bomFormat: z.literal("CycloneDX"),
  metadata: z.looseObject({ component: Component }),
  components: z.array(Component),
  dependencies: z.array(z.object({ ref: z.string(), dependsOn: z.array(z.string()) })),
});

const { name, dependencies } = Manifest.parse(JSON.parse(readFileSync(`${root}/package.json`, "utf8")));
const args = ["sbom", "--sbom-format", "cyclonedx", "--package-lock-only"];
const bom = Bom.parse(JSON.parse(execFileSync("npm", args, { cwd: root, encoding: "utf8" })));
const own = bom.metadata.component["bom-ref"];
const direct = [...Object.keys(dependencies), ...VENDORED];
const edges = new Map(bom.dependencies.map(({ ref, dependsOn }) => [ref, dependsOn]));
edges.set(
  own,
  (edges.get(own) ?? []).filter((ref) => direct.includes(ref.replace(/(?!^)@.*/, ""))),
);

/** @type {Set<string>} */
const reached = new Set();
reach(own);

/** @param {string} ref */
function reach(ref) {
  if (reached.has(ref)) return;
  reached.add(ref);
  for (const needed of edges.get(ref) ?? []) reach(needed);
}

const made = {
  ...bom,
  // npm calls it as the folder is called.
  metadata: { ...bom.metadata, component: { ...bom.metadata.component, name } },
  components: bom.components
    .filter((component) => reached.has(component["bom-ref"]))
    .map((component) => ({
      ...component,
      // That a package is bundled makes it a development dependency of the sources, not of the package.
      properties: component.properties.filter((property) => property.name !== "cdx:npm:package:development"),
    })),
  dependencies: [...reached].map((ref) => ({ ref, dependsOn: edges.get(ref) ?? [] })),
};
console.log(JSON.stringify(made, undefined, 2));
