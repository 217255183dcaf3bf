/**
 * API fuzzing: `npm run fuzz`, and a short run within `npm test`. Not one of the black-box tests, because it
 * needs Python, and a machine of its own for a minute.
 */
import { defineConfig, mergeConfig } from "vitest/config";
import blackBox from "../vitest.config.ts";

const config = mergeConfig(blackBox, defineConfig({ test: { maxWorkers: 1, sequence: { shuffle: false } } }));
config.test.include = ["tests/fuzz/**/*.spec.ts"];

export default config;
