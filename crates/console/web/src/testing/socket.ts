/** A fake WebSocket, driven by the test. */
export class FakeSocket extends EventTarget {
  readonly sent: Record<string, unknown>[] = [];
  isClosed = false;

  get readyState(): number {
    return this.isClosed ? 3 : 1;
  }

  send(text: string): void {
    // The console sends only JSON objects.
    this.sent.push(JSON.parse(text) as Record<string, unknown>);
  }

  close(): void {
    this.isClosed = true;
  }

  receive(event: object): void {
    this.dispatchEvent(Object.assign(new Event("message"), { data: JSON.stringify(event) }));
  }

  closeWith(code: number): void {
    this.dispatchEvent(Object.assign(new Event("close"), { code }));
  }

  /** Acks the last command with this name. */
  ack(command: string, keys: object = {}): void {
    const last = this.sent.findLast((each) => each["command"] === command);
    this.receive({ type: "ack", request_id: last?.["request_id"], command, ...keys });
  }
}

/** Creates fake sockets and records them. */
export function socketFactory(): { sockets: FakeSocket[]; create: () => WebSocket } {
  const sockets: FakeSocket[] = [];
  const create = () => {
    const socket = new FakeSocket();
    sockets.push(socket);
    // Has the parts of a WebSocket that the connection uses.
    return socket as unknown as WebSocket;
  };
  return { sockets, create };
}
