import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer, request, type IncomingMessage, type Server as HttpServer, type ServerResponse } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { extname, join } from "node:path";

/**
 * A folder with a build of the console, served instead of the one in the binary: no need to run cargo after each
 * change.
 */
export const CONSOLE_FOLDER = process.env["MM_TEST_CONSOLE"] ?? null;

const MEDIA_TYPES: Record<string, string> = {
  ".css": "text/css",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".webmanifest": "application/manifest+json",
};

/** A proxy between the browsers and a server, which can lose responses and silence sockets. */
export class Line {
  /** Serves the console from this folder, to simulate an update of the server. */
  consoleFolder: string | null = CONSOLE_FOLDER;
  /** Requests with this text in their path reach the server, but their responses are dropped. */
  lostAnswers: string | null = null;
  private readonly sockets = new Set<Socket>();
  private readonly silent = new Set<Socket>();
  private readonly http: HttpServer;

  private constructor(private serverPort: number) {
    this.http = createServer((incoming, outgoing) => this.forward(incoming, outgoing));
    this.http.on("upgrade", (incoming: IncomingMessage, socket: Socket, head: Buffer) => this.upgrade(incoming, socket, head));
  }

  static async open(): Promise<Line> {
    const line = new Line(0);
    await new Promise<void>((resolve) => line.http.listen(0, "127.0.0.1", resolve));
    return line;
  }

  get port(): number {
    return (this.http.address() as AddressInfo).port;
  }

  connectTo(serverPort: number): void {
    this.serverPort = serverPort;
  }

  /** Stops forwarding data of the open sockets without closing them. New sockets work. */
  silenceSockets(): void {
    for (const socket of this.sockets) this.silent.add(socket);
  }

  /** Destroys the open sockets without a WebSocket close frame. New sockets work. */
  cutSockets(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cutSockets();
    const closed = new Promise((resolve) => this.http.close(resolve));
    this.http.closeAllConnections();
    await closed;
  }

  private forward(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const url = incoming.url ?? "/";
    if (this.consoleFolder !== null && !/^\/(api|webhooks|healthz)/.test(url)) return sendFile(this.consoleFolder, url, outgoing);
    const loses = this.lostAnswers !== null && url.includes(this.lostAnswers);
    const { method, headers } = incoming;
    const onward = request({ host: "127.0.0.1", port: this.serverPort, method, path: url, headers }, (answer) => {
      if (loses) {
        answer.resume();
      } else {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      }
    });
    onward.on("error", () => incoming.socket.destroy());
    incoming.pipe(onward);
  }

  private upgrade(incoming: IncomingMessage, socket: Socket, head: Buffer): void {
    const onward = connect(this.serverPort, "127.0.0.1", () => {
      const { rawHeaders } = incoming;
      const lines = rawHeaders.flatMap((name, index) => (index % 2 === 0 ? [`${name}: ${rawHeaders[index + 1]}`] : []));
      onward.write([`${incoming.method} ${incoming.url} HTTP/1.1`, ...lines, "", ""].join("\r\n"));
      onward.write(head);
    });
    this.sockets.add(socket);
    onward.on("data", (data) => !this.silent.has(socket) && socket.write(data));
    socket.on("data", (data) => !this.silent.has(socket) && onward.write(data));
    onward.on("close", () => !this.silent.has(socket) && socket.destroy());
    socket.on("close", () => {
      onward.destroy();
      this.sockets.delete(socket);
    });
    onward.on("error", () => socket.destroy());
    socket.on("error", () => onward.destroy());
  }
}

function sendFile(folder: string, url: string, outgoing: ServerResponse): void {
  const asked = join(folder, new URL(url, "http://console").pathname);
  const isFile = existsSync(asked) && statSync(asked).isFile();
  if (!isFile && url.startsWith("/assets/")) {
    outgoing.writeHead(404).end();
    return;
  }
  const file = isFile ? asked : join(folder, "index.html");
  const type = MEDIA_TYPES[extname(file)] ?? "application/octet-stream";
  outgoing.writeHead(200, { "Content-Type": type, "Content-Security-Policy": policy() }).end(readFileSync(file));
}

/** Returns the Content-Security-Policy of the binary, read from its source. */
function policy(): string {
  const source = readFileSync(new URL("../../../src/lib.rs", import.meta.url), "utf8");
  const text = /CONTENT_SECURITY_POLICY: &str = "([^"]+)"/.exec(source)?.[1];
  if (text === undefined) throw new Error("crates/console/src/lib.rs has no policy");
  return text.replace(/\\\n\s*/g, "");
}
