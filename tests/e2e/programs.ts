import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const target = process.env.CARGO_TARGET_DIR ?? join(root, "target");

/** The built `patchbay`; `cargo xtask test` says where it is. */
export const patchbay = process.env.PATCHBAY_BIN ?? join(target, "debug", "patchbay");
/** The built pages. */
export const pages = process.env.PATCHBAY_UI ?? join(root, "ui/dist");
/** Where screenshots and traces go. */
export const artifacts = process.env.PATCHBAY_ARTIFACTS ?? join(root, "artifacts");
