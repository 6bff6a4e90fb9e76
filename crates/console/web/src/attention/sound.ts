/** Two short notes, synthesized by Web Audio: no file to load or decode when an alarm is due. */
const NOTES = [
  { frequency: 880, at: 0 },
  { frequency: 1174.7, at: 0.16 },
];
const LENGTH = 0.32;
/** Gain limit, because a sine at full scale hurts. */
const MAX_GAIN = 0.5;

let context: AudioContext | null = null;
const listeners = new Set<() => void>();

/** Returns whether the browser blocks sound, which it does until the first gesture on the page. */
export function isSoundBlocked(): boolean {
  return (context === null || context.state !== "running") && !hasGesture();
}

export function subscribeSound(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Resumes audio. Call from the handler of a click or key. */
export async function unlockSound(): Promise<void> {
  try {
    await open()?.resume();
  } catch {
    // Sound stays blocked, and the page keeps showing "Sound is off".
  }
  for (const listener of listeners) listener();
}

/** Plays the notes, with `volume` from 0 to 1. */
export async function playSound(volume: number): Promise<void> {
  const audio = open();
  if (audio === null || volume <= 0) return;
  // `resume` waits for a gesture: without this return, the sound would play much later.
  if (audio.state !== "running" && isSoundBlocked()) return;
  await audio.resume();
  for (const { frequency, at } of NOTES) playNote(audio, frequency, audio.currentTime + at, volume * MAX_GAIN);
}

function playNote(audio: AudioContext, frequency: number, start: number, volume: number): void {
  const oscillator = audio.createOscillator();
  const gain = audio.createGain();
  oscillator.frequency.value = frequency;
  gain.gain.setValueAtTime(0, start);
  gain.gain.linearRampToValueAtTime(volume, start + 0.01);
  gain.gain.exponentialRampToValueAtTime(0.001, start + LENGTH);
  oscillator.connect(gain).connect(audio.destination);
  oscillator.start(start);
  oscillator.stop(start + LENGTH);
}

function open(): AudioContext | null {
  if (typeof AudioContext === "undefined") return null;
  context ??= new AudioContext();
  return context;
}

function hasGesture(): boolean {
  return typeof navigator !== "undefined" && "userActivation" in navigator && navigator.userActivation.hasBeenActive;
}
