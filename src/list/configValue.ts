import { goTimeValue, zeroTime, type GoTime } from "../go/time.js";
import {
  goBoolValue,
  goEmbedded,
  goField,
  goMapValue,
  goNilPointer,
  goPointerTo,
  goSliceValue,
  goStringMapValue,
  goStringsValue,
  goStringValue,
  goStructValue,
  type GoPointer,
  type GoStruct,
  type GoValue,
} from "../go/values.js";
import { ImageConfig } from "../oci/imageConfig.js";
import { digestValue, orNil, platformValue } from "./descriptorValue.js";

/**
 * An image's config as Go has it, behind a pointer: nil where there is none.
 * https://pkg.go.dev/github.com/opencontainers/image-spec/specs-go/v1#Image
 */
export function configPointer(config: ImageConfig | undefined): GoPointer {
  return config === undefined
    ? goNilPointer(configValue(ImageConfig.parse({})))
    : goPointerTo(configValue(config));
}

function configValue(image: ImageConfig): GoStruct {
  const { created, author, config, rootfs, history } = image;
  return goStructValue("v1.Image", [
    goField("Created", "created,omitempty", timePointer(created)),
    goField("Author", "author,omitempty", goStringValue(author)),
    goEmbedded("Platform", platformValue(image)),
    goField("Config", "config,omitempty", executionValue(config)),
    goField(
      "RootFS",
      "rootfs",
      goStructValue("v1.RootFS", [
        goField("Type", "type", goStringValue(rootfs.type)),
        goField(
          "DiffIDs",
          "diff_ids",
          goSliceValue(
            digestValue(""),
            rootfs.diff_ids?.map((digest) => digestValue(digest ?? "")),
          ),
        ),
      ]),
    ),
    goField(
      "History",
      "history,omitempty",
      goSliceValue(historyValue(NO_HISTORY), orNil(history.map(historyValue))),
    ),
  ]);
}

function executionValue(config: ImageConfig["config"]): GoStruct {
  return goStructValue("v1.ImageConfig", [
    goField("User", "User,omitempty", goStringValue(config.User)),
    goField("ExposedPorts", "ExposedPorts,omitempty", setValue(config.ExposedPorts)),
    goField("Env", "Env,omitempty", goStringsValue(orNil(config.Env))),
    goField("Entrypoint", "Entrypoint,omitempty", goStringsValue(orNil(config.Entrypoint))),
    goField("Cmd", "Cmd,omitempty", goStringsValue(orNil(config.Cmd))),
    goField("Volumes", "Volumes,omitempty", setValue(config.Volumes)),
    goField("WorkingDir", "WorkingDir,omitempty", goStringValue(config.WorkingDir)),
    goField(
      "Labels",
      "Labels,omitempty",
      goStringMapValue(Object.keys(config.Labels).length === 0 ? undefined : config.Labels),
    ),
    goField("StopSignal", "StopSignal,omitempty", goStringValue(config.StopSignal)),
    goField("ArgsEscaped", "ArgsEscaped,omitempty", goBoolValue(config.ArgsEscaped)),
  ]);
}

type HistoryEntry = ImageConfig["history"][number];

const NO_HISTORY: HistoryEntry = {
  created: undefined,
  created_by: "",
  author: "",
  comment: "",
  empty_layer: false,
};

function historyValue(entry: HistoryEntry): GoStruct {
  return goStructValue("v1.History", [
    goField("Created", "created,omitempty", timePointer(entry.created)),
    goField("CreatedBy", "created_by,omitempty", goStringValue(entry.created_by)),
    goField("Author", "author,omitempty", goStringValue(entry.author)),
    goField("Comment", "comment,omitempty", goStringValue(entry.comment)),
    goField("EmptyLayer", "empty_layer,omitempty", goBoolValue(entry.empty_layer)),
  ]);
}

function timePointer(time: GoTime | undefined): GoPointer {
  return time === undefined ? goNilPointer(zeroTime) : goPointerTo(goTimeValue(time));
}

/** A map[string]struct{} */
function setValue(members: Readonly<Record<string, unknown>>): GoValue {
  const empty = goStructValue("struct {}", []);
  return goMapValue(empty, orNil(Object.keys(members).map((name) => [name, empty] as const)));
}
