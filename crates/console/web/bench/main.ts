// Measures the console in Chromium against a release binary with 2,000 open conversations, and prints the figures as a
// table. A missed target is no failure, because times depend on the machine. BENCH=quick measures one round, not five.
import { cpus, loadavg } from "node:os";

import type { Browser } from "playwright-core";

import { startBrowser } from "../tests/support/browser";
import makeRunFolder from "../tests/support/run";
import { measureBuild, measureSizes } from "./figures/build";
import { sitDown } from "./figures/desk";
import { findAxeViolations } from "./figures/faults";
import { measureInbox } from "./figures/inbox";
import { measureQueueOpening, measureScrolling } from "./figures/list";
import { measureDelivery } from "./figures/live";
import { DESK, measureStart, SLOW_TELEPHONE, type Line, type Start } from "./figures/start";
import { measureHeap, measureThreads } from "./figures/thread";
import { measureTyping } from "./figures/typing";
import { BusyHotel } from "./hotel";
import { formatTable, type Figure } from "./table";

const ROUNDS = process.env["BENCH"] === "quick" ? 1 : 5;

/** Names in the table for the budgets of `scripts/budgets.mjs`. */
const SIZE_NAMES: Record<string, string> = {
  signIn: "JavaScript for sign-in, gzip",
  signInAndInbox: "JavaScript for sign-in and inbox, gzip",
  all: "JavaScript in all, gzip",
  laterChunk: "the largest later chunk, gzip",
  styles: "CSS, gzip",
  language: "the largest language, gzip",
};

const removeRunFolder = makeRunFolder();
try {
  const sizes = measureSizes().map(({ name, budget, size }): Figure => {
    return { name: SIZE_NAMES[name] ?? name, unit: "KB", target: budget, values: [size] };
  });
  const build: Figure = { name: "`npm ci` and build", unit: "s", target: 60, values: [measureBuild()] };
  console.log(`load before: ${describeLoad()}`);
  const hotel = await BusyHotel.open();
  const browser = await startBrowser();
  try {
    const times = await measureTimes(browser, hotel);
    console.log(`load after: ${describeLoad()}\n`);
    console.log(formatTable([...sizes, ...times, build]));
  } finally {
    await browser.close();
    await hotel.server.stop();
  }
} finally {
  removeRunFolder();
}

async function measureTimes(browser: Browser, hotel: BusyHotel): Promise<Figure[]> {
  const telephone = startFigures("slow telephone", { form: 2.5, rows: 1.5, live: 2, reload: 1.5 });
  const desk = startFigures("desk", { form: 0.8, rows: 0.5, live: 0.7, reload: 0.4 });
  const inbox = figure("`GET inbox/` of 2,000", "ms", 30);
  const inboxSize = figure("`GET inbox/` of 2,000, compressed", "KB", null);
  const queue = figure("queue of 2,000 opens", "ms", 100);
  const frame = figure("frame while scrolling, p95", "ms", 17);
  const newest = figure("thread of 200: the newest messages, p95", "ms", 150);
  const thread = figure("thread of 200: all of them, p95", "ms", 150);
  const heap = figure("heap with 10 threads opened", "MB", 40);
  const key = figure("key press → painted, p95, at 25 messages a second", "ms", 50);
  const delivery = figure("guest's POST → on screen, p95 at 20 messages a second", "ms", 150);
  const violations = figure("violations that axe finds", "", 0);
  const faults = figure("violations of the policy, requests to other origins", "", 0);

  for (let round = 1; round <= ROUNDS; round += 1) {
    console.log(`round ${round} of ${ROUNDS}`);
    await addStart(telephone, browser, hotel, SLOW_TELEPHONE);
    await addStart(desk, browser, hotel, DESK);
    const { time, size } = await measureInbox(hotel);
    inbox.values.push(time);
    inboxSize.values.push(size);
    const person = await sitDown(browser, hotel);
    queue.values.push(await measureQueueOpening(person));
    frame.values.push(await measureScrolling(person));
    const opening = await measureThreads(person);
    newest.values.push(opening.newest);
    thread.values.push(opening.all);
    heap.values.push(await measureHeap(person));
    key.values.push(await measureTyping(person, hotel));
    delivery.values.push(await measureDelivery(person, hotel));
    faults.values.push(report(person.faults));
    await person.leave();
  }
  violations.values.push(report(await findAxeViolations(browser, hotel)));
  return [
    ...Object.values(telephone),
    ...Object.values(desk),
    inbox,
    inboxSize,
    queue,
    frame,
    newest,
    thread,
    heap,
    key,
    delivery,
    violations,
    faults,
  ];
}

/** A figure whose values are added by each round. */
type OpenFigure = Figure & { readonly values: number[] };
type StartFigures = Record<keyof Start, OpenFigure>;

function figure(name: string, unit: Figure["unit"], target: number | null): OpenFigure {
  return { name, unit, target, values: [] };
}

function startFigures(where: string, targets: Start): StartFigures {
  return {
    form: figure(`${where}: sign-in form`, "s", targets.form),
    rows: figure(`${where}: from signing in to the first rows`, "s", targets.rows),
    live: figure(`${where}: from signing in to live`, "s", targets.live),
    reload: figure(`${where}: reload to rows`, "s", targets.reload),
  };
}

async function addStart(figures: StartFigures, browser: Browser, hotel: BusyHotel, line: Line): Promise<void> {
  const start = await measureStart(browser, hotel, line);
  for (const part of ["form", "rows", "live", "reload"] as const) figures[part].values.push(start[part]);
}

/** Prints the faults. Returns their number. */
function report(faults: readonly string[]): number {
  for (const fault of faults) console.log(fault);
  return faults.length;
}

function describeLoad(): string {
  return `${loadavg().map((load) => load.toFixed(1)).join(", ")} on ${cpus().length} processors`;
}
