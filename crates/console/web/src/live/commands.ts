import type { SocketEvent } from "../api/types";

type Ack = Extract<SocketEvent, { type: "ack" }>;

/** The server refused a command, or the connection was lost before the ack (code `lost`). */
export class CommandError extends Error {
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.name = "CommandError";
    this.code = code;
  }
}

/** The commands of one connection that wait for their ack, by `request_id`. */
export class Commands {
  private readonly send: (command: object) => boolean;
  private readonly waiting = new Map<string, { resolve(ack: Ack): void; reject(error: CommandError): void }>();
  private last = 0;

  constructor(send: (command: object) => boolean) {
    this.send = send;
  }

  request(command: object): Promise<Ack> {
    this.last += 1;
    const requestId = `c${this.last}`;
    return new Promise((resolve, reject) => {
      if (!this.send({ ...command, request_id: requestId })) {
        reject(new CommandError("lost"));
        return;
      }
      this.waiting.set(requestId, { resolve, reject });
    });
  }

  /** Sends a command without waiting for its ack; for commands whose loss does no harm. */
  tell(command: object): void {
    this.send(command);
  }

  receive(event: SocketEvent): void {
    if (event.type !== "ack" && event.type !== "error") return;
    const requestId = event.request_id ?? "";
    const waiting = this.waiting.get(requestId);
    this.waiting.delete(requestId);
    if (event.type === "ack") waiting?.resolve(event);
    else waiting?.reject(new CommandError(event.code));
  }

  lose(): void {
    for (const { reject } of this.waiting.values()) reject(new CommandError("lost"));
    this.waiting.clear();
  }
}
