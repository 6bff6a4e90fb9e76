import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Locator, type Page } from "playwright-core";

import type { Server } from "./server";

const CHROMIUM = process.env["MM_TEST_CHROMIUM"] ?? "/usr/bin/chromium";
const DESK = { width: 1440, height: 900 };

export const LAUNCH = { executablePath: CHROMIUM, args: ["--no-sandbox"] };

export async function startBrowser(): Promise<Browser> {
  return await chromium.launch(LAUNCH);
}

/** One staff member at one computer: a browser context with its own cookies and storage. */
export class Person {
  /** Console errors, CSP violations, and requests to other origins. */
  readonly faults: string[] = [];

  private constructor(
    readonly server: Server,
    readonly context: BrowserContext,
    readonly page: Page,
  ) {}

  static async arrive(browser: Browser, server: Server, options: BrowserContextOptions = {}): Promise<Person> {
    const context = await browser.newContext({ viewport: DESK, locale: "en-GB", ...options });
    return await Person.at(context, server);
  }

  /** A staff member in a given browser context, for example of a separate browser process. */
  static async at(context: BrowserContext, server: Server): Promise<Person> {
    await context.addInitScript(reportPolicyViolations);
    const person = new Person(server, context, await context.newPage());
    person.watch(person.page);
    context.on("page", (page) => person.watch(page));
    return person;
  }

  /** Opens the console and signs in. */
  async signIn(username: string, path = "/"): Promise<void> {
    await this.page.goto(this.server.base + path);
    await this.fillSignIn(username, this.server.password);
    await this.waitForInbox();
  }

  async fillSignIn(username: string, password: string): Promise<void> {
    await this.page.locator("input[name=username]").fill(username);
    await this.page.locator("input[name=password]").fill(password);
    await this.page.locator("button[type=submit]").click();
  }

  async waitForInbox(page = this.page): Promise<void> {
    await page.getByRole("navigation").getByRole("link").first().waitFor();
  }

  /** The row of a guest in the list. */
  row(name: string): Locator {
    return this.page.getByRole("listitem").getByRole("link", { name });
  }

  /** The messages of the open conversation. */
  get log(): Locator {
    return this.page.getByRole("log");
  }

  /** The composer of the open conversation. */
  get box(): Locator {
    return this.page.getByRole("form").getByRole("textbox");
  }

  async open(conversationId: number, queue = "with_us"): Promise<void> {
    await this.page.goto(`${this.server.base}/inbox/${queue}/${conversationId}`);
    await this.log.getByRole("listitem").first().waitFor();
  }

  async boxHasFocus(): Promise<boolean> {
    return await this.box.evaluate((box) => box === document.activeElement);
  }

  /** Types a text into the composer and presses Enter. */
  async answer(text: string): Promise<void> {
    await this.box.click();
    await this.page.keyboard.type(text);
    await this.page.keyboard.press("Enter");
  }

  async leave(): Promise<void> {
    await this.context.close();
  }

  private watch(page: Page): void {
    page.on("console", (message) => {
      // Chromium logs failed requests as errors, also expected ones: a 401, a cut connection.
      if (message.type() !== "error" || message.text().startsWith("Failed to load resource")) return;
      if (message.text().includes("WebSocket connection to")) return;
      this.faults.push(`console: ${message.text()}`);
    });
    page.on("pageerror", (error) => this.faults.push(`error: ${error.message}`));
    page.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(this.server.base) && !url.startsWith("blob:")) this.faults.push(`request to another origin: ${url}`);
    });
    page.on("websocket", (socket) => {
      if (!socket.url().startsWith(this.server.base.replace("http", "ws"))) this.faults.push(`socket to another origin: ${socket.url()}`);
    });
  }
}

function reportPolicyViolations(): void {
  document.addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) => {
    console.error(`violation of the policy: ${effectiveDirective} ${blockedURI}`);
  });
}
