// Lints `openapi.json`: whether it is OpenAPI at all, whether its examples are what its schemas say, and
// what a good document has besides. It reads the one file and nothing else.

import { createConfig, formatProblems, getTotals, lint } from "@redocly/openapi-core";
import { join } from "node:path";
import { main } from "./progress.mjs";
import { ROOT } from "./tools.mjs";

/** What differs from the strict recommendation, and why. */
const RULES = /** @type {const} */ ({
  // Health and the published keys have nothing a client could do wrong.
  "operation-4xx-response": "off",
  // A method that a path has not belongs to no operation, so its refusal is referred to by none.
  "no-unused-components": "off",
  // The document is served by the deployment that it describes, at whatever address.
  "no-server-example.com": "error",
  "no-invalid-media-type-examples": "error",
  "no-invalid-parameter-examples": "error",
  "no-invalid-schema-examples": "error",
  "no-schema-type-mismatch": "error",
  "no-required-schema-properties-undefined": "error",
  "operation-description": "off",
  "operation-operationId": "error",
  "tag-description": "error",
  "parameter-description": "error",
  "no-duplicated-tag-names": "error",
});

await main(async () => {
  const config = await createConfig({ extends: ["recommended-strict"], rules: RULES });
  const problems = await lint({ ref: join(ROOT, "openapi.json"), config });
  const totals = getTotals(problems);
  if (problems.length > 0) formatProblems(problems, { totals, format: "codeframe", version: "" });
  return problems.length > 0 ? 1 : 0;
});
