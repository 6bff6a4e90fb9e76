/** Without 0, 1, i, l and o, which are easily confused when the password is read out. */
const LETTERS = "abcdefghjkmnpqrstuvwxyz23456789";
const GROUPS = 5;
const GROUP_SIZE = 4;

/** Fills an array with random bytes. */
type Randomize = (bytes: Uint8Array<ArrayBuffer>) => void;

/** Generates a random password for a staff member, in groups: `k7fm-2xqp-…` (99 bits). */
export function makePassword(randomize: Randomize = (bytes) => crypto.getRandomValues(bytes)): string {
  const groups = Array.from({ length: GROUPS }, () =>
    Array.from({ length: GROUP_SIZE }, () => randomLetter(randomize)).join(""),
  );
  return groups.join("-");
}

function randomLetter(randomize: Randomize): string {
  // Rejection sampling: bytes beyond the last whole multiple would make the first letters more likely.
  const limit = 256 - (256 % LETTERS.length);
  const byte = new Uint8Array(1);
  do randomize(byte);
  while ((byte[0] ?? 255) >= limit);
  return LETTERS.charAt((byte[0] ?? 0) % LETTERS.length);
}
