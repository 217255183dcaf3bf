// Repeatable randomness for made-up data: the same seed number gives the same data. Not for secrets.

/** A stream of numbers decided by its seed (the generator sfc32). */
export class Random {
  /** @type {[number, number, number, number]} */
  #state;

  /** @param {number} seed */
  constructor(seed) {
    this.#state = [seed | 0, Math.floor(seed / 2 ** 32) | 0, 0x9e3779b9 | 0, 1];
    // The first outputs still show the seed.
    for (let round = 0; round < 16; round += 1) this.uint32();
  }

  uint32() {
    const [a, b, c, d] = this.#state;
    const sum = (((a + b) | 0) + d) | 0;
    this.#state = [b ^ (b >>> 9), (c + (c << 3)) | 0, (((c << 21) | (c >>> 11)) + sum) | 0, (d + 1) | 0];
    return sum >>> 0;
  }

  /** At least 0 and less than 1. */
  fraction() {
    return this.uint32() / 2 ** 32;
  }

  /**
   * A whole number from 0 to `end` - 1.
   * @param {number} end
   */
  below(end) {
    return Math.floor(this.fraction() * end);
  }

  /**
   * @template T
   * @param {readonly T[]} choices at least one
   * @returns {T}
   */
  choose(choices) {
    return /** @type {T} */ (choices[this.below(choices.length)]);
  }

  /**
   * Distinct whole numbers from 0 to `end` - 1, at most `end` of them.
   * @param {number} count
   * @param {() => number} draw proposes one
   * @param {number} end
   */
  distinct(count, draw, end) {
    /** @type {Set<number>} */
    const chosen = new Set();
    const wanted = Math.min(count, end);
    // A draw that favours some numbers may never propose the others: give up rather than loop.
    for (let attempt = 0; chosen.size < wanted && attempt < wanted * 8; attempt += 1) chosen.add(draw());
    return chosen;
  }

  /**
   * An id in the form of UUIDv7 (RFC 9562, section 5.7): its order is the order of its time.
   * @param {number} milliseconds since 1970
   */
  uuidV7(milliseconds) {
    const time = milliseconds.toString(16).padStart(12, "0");
    const a = (this.uint32() & 0xfff).toString(16).padStart(3, "0");
    const b = ((this.uint32() & 0x3fff) | 0x8000).toString(16);
    const c = (this.uint32() & 0xffff).toString(16).padStart(4, "0") + this.uint32().toString(16).padStart(8, "0");
    return `${time.slice(0, 8)}-${time.slice(8)}-7${a}-${b}-${c}`;
  }
}
