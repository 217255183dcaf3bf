/** The built worker; `server.ts` points this name at the build of the chosen profile. */
declare module "kith-under-test" {
  import type { EntrypointClass } from "./platform.ts";
  const entrypoint: EntrypointClass;
  export default entrypoint;
}
