import type { PushEvent } from "../push/execute.js";
import type { ListResult } from "./listResult.js";

/** Counts what goes out during pushes, those that have to be begun again included. */
export class SentTally {
  #sent: ListResult["sent"] = { manifests: 0, mounted: 0, copied: 0, bytes: 0 };

  readonly onEvent = (event: PushEvent): void => {
    const { manifests, mounted, copied, bytes } = this.#sent;
    switch (event.kind) {
      case "child":
        if (event.outcome === "put") this.#sent = { ...this.#sent, manifests: manifests + 1 };
        break;
      case "tagged":
        this.#sent = { ...this.#sent, manifests: manifests + 1 };
        break;
      case "blob":
        if (event.outcome.kind === "mounted") this.#sent = { ...this.#sent, mounted: mounted + 1 };
        if (event.outcome.kind === "copied")
          this.#sent = { ...this.#sent, copied: copied + 1, bytes: bytes + event.blob.size };
        break;
      case "bytes":
      case "copying":
      case "queued":
      case "kept":
      case "progress":
      case "tagging":
      case "unchanged":
        break;
    }
  };

  /** So far: manifests that were put, roots among them, blobs that were mounted or copied, and the copies' bytes. */
  get sent(): ListResult["sent"] {
    return this.#sent;
  }
}
