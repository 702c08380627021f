import type { NetworkSettings } from "../../apply/session.js";
import type { LayoutChoice } from "../../content/inspectedLayout.js";
import { readReference, type Named } from "../../content/inspectedName.js";
import { isLayoutReference, parseLayoutReference } from "../../content/layoutReference.js";
import type { Repository } from "../../content/repository.js";
import type { Context, Output } from "../../context.js";
import { ManifestError } from "../../errors.js";
import { imageText } from "../../list/imageText.js";
import { LAYOUT_SCHEME, locationOf } from "../../oci/location.js";
import { formatReference, isReferenceDigest, parseReference, withDigest } from "../../oci/reference.js";
import { progressMode, withProgress } from "../../ui/terminal/progress.js";
import { escapeControls } from "../../ui/text.js";
import { defineCommand } from "../command.js";
import { networkFlags } from "../networkFlags.js";
import { builderFlags } from "./builderFlags.js";

export const imagetoolsInspect = defineCommand({
  name: "imagetools inspect",
  dialect: "buildx",
  args: "[OPTIONS] NAME",
  description:
    "Shows an image or a list: its entries, and by a template their configs, SBOMs and provenance.",
  examples: [
    "tsmanifest imagetools inspect registry.example/app:v1",
    "tsmanifest imagetools inspect --raw registry.example/app:v1",
    "tsmanifest imagetools inspect --format '{{.Manifest.Digest}}' registry.example/app:v1",
    `tsmanifest imagetools inspect --format '{{json (index .Provenance "linux/amd64").SLSA}}' oci-layout://out:v1`,
  ],
  arity: { min: 1, max: 1 },
  completes: ["other"],
  flags: {
    format: {
      kind: "string",
      value: "template",
      description: "Show it by a Go template over .Name, .Manifest, .Image, .SBOM and .Provenance",
    },
    raw: { kind: "bool", description: "Print the manifest as it is, to the byte" },
    ...builderFlags,
    ...networkFlags,
  },
  async run(context, flags, [name = ""]) {
    const { format, raw } = flags;
    if (format !== "" && raw) throw new ManifestError("USAGE", "format and raw cannot be used together");
    const show = raw ? showRaw : format === "" ? showText : await templateShow(format);
    await withProgress(context, progressMode(flags), async (progress) => {
      progress.step(`reading ${name}`);
      await withInspected(context, { ...flags, onWire: progress.onWire }, name, async (inspected) => {
        const shown = await show(inspected, context, (done, begun) => {
          progress.count(done, begun, "document");
        });
        progress.stop();
        print(context.stdout, shown);
      });
    });
  },
});

/** What the name stands for, and what it is called. */
interface Inspected extends Named {
  /** As the user wrote it. */
  readonly given: string;
  /** In full. */
  readonly name: string;
  /** The whole name of a manifest beside it. */
  readonly nameOf: (digest: string) => string;
  readonly repository: Repository;
}

type Show = (
  inspected: Inspected,
  context: Context,
  onRead: (done: number, begun: number) => void,
) => string | Buffer | Promise<string>;

const showRaw: Show = ({ bytes }) => bytes;

const showText: Show = ({ name, descriptor, manifest, nameOf }) =>
  imageText({ name, descriptor, children: manifest?.children ?? [], nameOf });

/** Loaded only where there is a template, which is checked before anything is asked for. */
async function templateShow(format: string): Promise<Show> {
  const { parseFormat, showFormat } = await import("./inspectFormat.js");
  const parsed = parseFormat(format);
  if (parsed.isText) return showText;
  return (inspected, context, onRead) => showFormat(parsed, inspected, context, onRead);
}

/** A script gets the bytes; on a terminal, what it might obey is spelled out. */
function print(stdout: Output, shown: string | Buffer): void {
  stdout.write(stdout.isTTY === true ? escapeControls(shown.toString()) : shown);
}

async function withInspected(
  context: Context,
  flags: NetworkSettings,
  given: string,
  use: (inspected: Inspected) => Promise<void>,
): Promise<void> {
  if (isLayoutReference(given)) {
    const { folder, ...asked } = parseLayoutReference(given);
    const { openLayout } = await import("../../content/layout.js");
    const { chooseInLayout, readInLayout } = await import("../../content/inspectedLayout.js");
    const repository = openLayout(folder);
    const chosen = await chooseInLayout(repository, asked);
    const named = await readInLayout(repository, chosen, context.signal);
    const name = layoutName(folder, chosen);
    const nameOf = (digest: string): string => layoutName(folder, { digest });
    await use({ ...named, given, name, nameOf, repository });
    return;
  }
  const ref = parseReference(given);
  const location = locationOf(ref);
  const { openSession } = await import("../../apply/session.js");
  const session = await openSession(context, flags, [{ location, actions: ["pull"] }]);
  try {
    const repository = session.open(location);
    const named = await readReference(ref, repository, context.signal);
    const name = formatReference(ref);
    const nameOf = (child: string): string =>
      isReferenceDigest(child) ? formatReference(withDigest(ref, child)) : name;
    await use({ ...named, given, name, nameOf, repository });
  } finally {
    await session.close();
  }
}

/** The folder is as it was written. */
function layoutName(folder: string, { tag, digest }: LayoutChoice): string {
  return `${LAYOUT_SCHEME}${folder}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}
