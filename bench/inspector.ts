/**
 * Memory and CPU profile of the worker's isolate while it works, by workerd's inspector protocol.
 *
 * Miniflare enforces no limit, so what production would refuse has to be measured here. Figures are
 * what V8 holds, garbage included: an upper bound of what is needed. (workerd's inspector does not
 * answer to a request for a collection.)
 */
import { fetch, type WebSocket } from "miniflare";
import { WORKER_NAME } from "../scripts/edge/embedded.ts";
import type { CpuProfile } from "./edge-profile.ts";

/** The isolate that runs the worker and all of its Durable Objects. */
const ISOLATE = `core:user:${WORKER_NAME}`;
const SAMPLE_INTERVAL_MS = 20;
const SAMPLING_INTERVAL_US = 250;

export interface MemorySample {
  readonly heapBytes: number;
  /** Bytes behind ArrayBuffers and WebAssembly memories. */
  readonly backingBytes: number;
}

interface HeapUsage {
  readonly usedSize: number;
  /** Bytes behind ArrayBuffers and WebAssembly memories. */
  readonly backingStorageSize: number;
}

interface Reply {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

export class Inspector {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #lastId = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", (event) => {
      const reply = JSON.parse(String(event.data)) as Reply;
      if (reply.id !== undefined) this.#waiting.get(reply.id)?.(reply);
    });
  }

  static async connect(port: number): Promise<Inspector> {
    const response = await fetch(`http://127.0.0.1:${port}/${ISOLATE}`, {
      headers: { upgrade: "websocket" },
    });
    if (response.webSocket === null) throw new Error(`no inspector for ${ISOLATE} at ${port}`);
    response.webSocket.accept();
    return new Inspector(response.webSocket);
  }

  async memory(): Promise<MemorySample> {
    const usage = await this.#send<HeapUsage>("Runtime.getHeapUsage");
    return { heapBytes: usage.usedSize, backingBytes: usage.backingStorageSize };
  }

  /** What the isolate does during `work`. */
  async profileDuring(work: () => Promise<void>): Promise<CpuProfile> {
    await this.#send("Profiler.enable");
    await this.#send("Profiler.setSamplingInterval", { interval: SAMPLING_INTERVAL_US });
    await this.#send("Profiler.start");
    await work();
    const { profile } = await this.#send<{ profile: CpuProfile }>("Profiler.stop");
    return profile;
  }

  /** The highest sum of heap and backing stores seen at any moment of `work`. */
  async peakDuring<T>(work: () => Promise<T>): Promise<{ result: T; peak: MemorySample }> {
    let peak = await this.memory();
    let running = true;
    const sampling = (async () => {
      while (running) {
        const now = await this.memory();
        if (now.heapBytes + now.backingBytes > peak.heapBytes + peak.backingBytes) peak = now;
        await new Promise((next) => setTimeout(next, SAMPLE_INTERVAL_MS));
      }
    })();
    try {
      return { result: await work(), peak };
    } finally {
      running = false;
      await sampling;
    }
  }

  close(): void {
    this.#socket.close();
  }

  #send<T>(method: string, params: Readonly<Record<string, number>> = {}): Promise<T> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((done, failed) => {
      this.#waiting.set(id, (reply) => {
        this.#waiting.delete(id);
        if (reply.error) failed(new Error(`${method}: ${reply.error.message}`));
        else done(reply.result as T); // V8's inspector protocol says what each method answers.
      });
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }
}
