/**
 * What a fact may be, as far as a client can know: one value after an answer, several after a request
 * that was never answered, fewer again once somebody has looked.
 */
export class Possible<T> {
  #values: readonly T[];

  constructor(value: T) {
    this.#values = [value];
  }

  get values(): readonly T[] {
    return this.#values;
  }

  /** Whether it is this for certain. */
  is(value: T): boolean {
    return this.#values.length === 1 && this.#values[0] === value;
  }

  /** The change was acknowledged. */
  becomes(change: (value: T) => T): void {
    this.#values = distinct(this.#values.map(change));
  }

  /** The change was asked for and not answered. */
  mayBecome(change: (value: T) => T): void {
    this.#values = distinct([...this.#values, ...this.#values.map(change)]);
  }

  /** Keeps what agrees with what was seen. Changes nothing and answers `false` if nothing does. */
  seen(agrees: (value: T) => boolean): boolean {
    const left = this.#values.filter(agrees);
    if (left.length === 0) return false;
    this.#values = left;
    return true;
  }
}

function distinct<T>(values: readonly T[]): readonly T[] {
  return [...new Set(values)];
}
