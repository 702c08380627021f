import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import ts from "typescript";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** What `import … from "tsmanifest"` means in the programs of pages: the sources as they are. */
const OURS: Readonly<Record<string, string>> = {
  tsmanifest: join(root, "src/index.ts"),
  "tsmanifest/testing": join(root, "src/testing/index.ts"),
};

/**
 * What the type checker says about programs, each in a module of its own, as a user's strict TypeScript would; a line for
 * each fault, with the name of its program. Empty: nothing.
 */
export function typeFaultsIn(programs: ReadonlyMap<string, string>): string[] {
  const config = ts.readConfigFile(join(root, "tsconfig.json"), (path) => ts.sys.readFile(path));
  const { options } = ts.parseJsonConfigFileContent(config.config, ts.sys, root, {
    paths: Object.fromEntries(Object.entries(OURS).map(([name, path]) => [name, [path]])),
    // What is shown need not be used on.
    noUnusedLocals: false,
    noUnusedParameters: false,
    noEmit: true,
  });
  // Where they would find what this repository has installed.
  const texts = new Map(
    [...programs].map(([name, text]) => [
      join(root, "test", `${name.replace(/\W/g, "_")}.ts`),
      { name, text },
    ]),
  );
  const base = ts.createCompilerHost(options);
  const host: ts.CompilerHost = {
    ...base,
    fileExists: (path) => texts.has(path) || base.fileExists(path),
    readFile: (path) => texts.get(path)?.text ?? base.readFile(path),
    getSourceFile: (path, languageVersion, ...more) => {
      const { text } = texts.get(path) ?? {};
      return text === undefined
        ? base.getSourceFile(path, languageVersion, ...more)
        : ts.createSourceFile(path, text, languageVersion);
    },
  };
  const program = ts.createProgram({ rootNames: [...texts.keys()], options, host });
  return [...texts].flatMap(([path, { name }]) => {
    const file = program.getSourceFile(path);
    const faults = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
    return faults.map(({ messageText, start = 0 }) => {
      const line = (file?.getLineAndCharacterOfPosition(start).line ?? 0) + 1;
      return `${name}, line ${line} of it: ${ts.flattenDiagnosticMessageText(messageText, " ")}`;
    });
  });
}

/** Makes one file of a program that `node` runs. */
export async function bundle(text: string, outfile: string): Promise<void> {
  await build({
    stdin: { contents: text, loader: "ts", resolveDir: root },
    alias: OURS,
    external: ["vitest"],
    outfile,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    logLevel: "error",
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
  });
}

/** Is a piece of a program a part of this file, but for white space? */
export function isPartOf(piece: string, path: string): boolean {
  return oneLine(readFileSync(join(root, path), "utf8")).includes(oneLine(piece));
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
