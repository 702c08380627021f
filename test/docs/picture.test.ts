import { readFileSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import { PICTURE_FILE, takePicture } from "../../tools/picture.js";
import { describeWithPrograms } from "../helpers/registryServer.js";

describeWithPrograms("docs/terminal.svg", ["script"], () => {
  it("is what a terminal shows; UPDATE_DOCS=1 takes it anew", { timeout: 120_000 }, async () => {
    const picture = await takePicture();
    if (process.env["UPDATE_DOCS"] === "1") writeFileSync(PICTURE_FILE, picture);
    expect(readFileSync(PICTURE_FILE, "utf8")).toBe(picture);
    expect(picture).toMatch(
      />ERROR: registry\.example\/app:v2 would not have the expected platforms: missing/,
    );
    expect(picture).not.toMatch(/127\.|\/tmp\//);
  });
});
