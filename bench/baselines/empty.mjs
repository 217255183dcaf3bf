// The floor: a Worker that does nothing at all, so that what remains is the platform's own share of
// every request. It is measured, never compared with.

export default {
  fetch() {
    return new Response("");
  },
};
