// A small fast generator of numbers that are repeatable and not secret: xoshiro128** by Blackman and Vigna.

export class Prng {
  private a: number;
  private b: number;
  private c: number;
  private d: number;

  /** Takes 16 bytes of seed; all zeros would yield zeros for ever and is replaced. */
  constructor(seed: Uint8Array) {
    const view = new DataView(seed.buffer, seed.byteOffset, 16);
    this.a = view.getInt32(0);
    this.b = view.getInt32(4);
    this.c = view.getInt32(8);
    this.d = view.getInt32(12);
    if ((this.a | this.b | this.c | this.d) === 0) this.a = 1;
  }

  /** 32 random bits, unsigned. */
  next(): number {
    const scrambled = Math.imul(rotateLeft(Math.imul(this.b, 5), 7), 9);
    const shifted = this.b << 9;
    this.c ^= this.a;
    this.d ^= this.b;
    this.b ^= this.c;
    this.a ^= this.d;
    this.c ^= shifted;
    this.d = rotateLeft(this.d, 11);
    return scrambled >>> 0;
  }

  /** A number in [0, 1) with 53 random bits. */
  float(): number {
    return ((this.next() >>> 5) * 2 ** 26 + (this.next() >>> 6)) / 2 ** 53;
  }

  /** An integer in [0, below), each equally likely; 0 when `below` is not above 1. */
  below(below: number): number {
    if (!(below > 1)) return 0;
    if (below > 2 ** 32) return Math.floor(this.float() * below);
    const limit = 2 ** 32 - (2 ** 32 % below);
    let bits = this.next();
    while (bits >= limit) bits = this.next();
    return bits % below;
  }
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}
