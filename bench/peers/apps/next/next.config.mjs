import { fileURLToPath } from "node:url";

export default {
  // Where node_modules is, instead of what is guessed from lock files above.
  turbopack: { root: fileURLToPath(new URL("../..", import.meta.url)) },
};
