import {
  BACKOFF_MAX_MS,
  BACKOFF_MS,
  GRACE_MS,
  HEAD_BYTES,
  IDLE_MS,
  REPLY_BYTES,
  SET_UP_MS,
  termsOf,
  type Habit,
} from './terms';
import { ModelLink, type Reply, type Request } from './model-link';

// What must happen, written from the design alone: a slot, at most one link of it in one of three states, and the time.
// It knows no bytes, sockets or timers; it writes down what each party is told, in order.

export class Model {
  readonly trace: string[] = [];
  now = 0;
  phase: 'idle' | 'pausing' | 'connecting' | 'connected' | 'ending' | 'closed' = 'idle';
  link: ModelLink | undefined;
  /** Every link that was offered, oldest first. */
  readonly offered: ModelLink[] = [];
  readonly requests: Request[] = [];
  generation = 0;
  #failures = 0;
  #connectedAt: number | undefined;
  #openAt = Infinity;
  /** Our credentials were refused: until then nobody tries again. */
  #refusedUntil = 0;
  #cancelled = 0;
  #waiters: { readonly id: number; readonly ends: boolean }[] = [];
  #waiterIds = 0;

  // ── The slot ──

  acquire(ends: boolean): void {
    const id = this.#waiterIds++;
    if (this.phase === 'connected') this.#give(id, ends);
    else if (this.phase === 'closed') this.trace.push(`waiter ${id} refused`);
    else if (this.now < this.#refusedUntil) this.trace.push(`waiter ${id} failed authentication`);
    else {
      this.#waiters.push({ id, ends });
      if (this.phase === 'idle') this.#open();
    }
  }

  leave(which: number): number | undefined {
    const at = this.#waiters.length === 0 ? -1 : which % this.#waiters.length;
    return at < 0 ? undefined : this.#waiters.splice(at, 1)[0]!.id;
  }

  closeSlot(): void {
    if (this.phase === 'closed') return;
    const was = this.phase;
    this.phase = 'closed';
    this.#openAt = Infinity;
    if (was === 'connecting' || was === 'connected') {
      this.#end('shutdown', this.link!);
      this.trace.push(`event disconnected ${this.generation} shutdown ${this.#cancelled}`);
    }
    for (const { id } of this.#waiters.splice(0)) this.trace.push(`waiter ${id} refused`);
  }

  #give(id: number, ends: boolean): void {
    this.trace.push(`waiter ${id} got ${this.link!.generation}`);
    if (ends) this.endLink(this.link!, 'protocol');
  }

  #open(): void {
    this.phase = 'connecting';
    this.generation += 1;
    this.#openAt = Infinity;
    this.#cancelled = 0;
    this.#dial(new ModelLink(this.generation, this.now + SET_UP_MS, false));
  }

  #dial(link: ModelLink): void {
    this.link = link;
    this.trace.push(`open ${link.generation}`);
  }

  #slotEnded(reason: string, refused: boolean): void {
    const failed = reason !== 'idle' && reason !== 'shutdown' && !refused;
    const told = `event disconnected ${this.generation} ${reason} ${this.#cancelled}`;
    if (this.phase === 'closed') {
      this.trace.push(told);
      return;
    }
    const was = this.#connectedAt;
    this.#failures = was !== undefined && this.now - was >= BACKOFF_MAX_MS / 2 ? 0 : this.#failures + 1;
    this.#connectedAt = undefined;
    this.phase = failed ? 'pausing' : 'idle';
    if (failed) {
      const pause = Math.min(BACKOFF_MAX_MS, BACKOFF_MS * 2 ** (this.#failures - 1));
      this.#openAt = this.now + (was !== undefined && this.#failures <= 1 ? 0 : pause);
    }
    this.trace.push(told);
    this.#refusedUntil = refused ? this.now + BACKOFF_MAX_MS : 0;
    if ((failed && was === undefined) || refused)
      for (const { id } of this.#waiters.splice(0)) this.trace.push(`waiter ${id} failed ${reason}`);
    if (!failed && !refused && this.#waiters.length > 0) this.#open();
  }

  // ── Set-up ──

  tcpUp(): void {
    const link = this.link!;
    link.step = 'versions';
    this.#ask(link);
  }

  #ask(link: ModelLink): void {
    this.trace.push(`write ${link.generation} 18 ${link.version} ${link.places++}`);
  }

  authenticated(): void {
    const link = this.link!;
    link.step = 'up';
    link.state = 'connected';
    link.movedAt = link.usedAt = this.now;
    this.phase = 'connected';
    this.#connectedAt = this.now;
    this.offered.push(link);
    this.trace.push(`event connected ${link.generation}`, `state ${link.generation} connected`);
    while (this.phase === 'connected' && this.#waiters.length > 0) {
      const { id, ends } = this.#waiters.shift()!;
      this.#give(id, ends);
    }
  }

  refused(): void {
    this.#end('authentication', this.link!, true);
  }

  /** The peer is gone, by FIN or RST. */
  cut(fin: boolean): void {
    const link = this.link!;
    if (link.step === 'versions' && !link.heard && !link.second) {
      // Hung up on without a word: the same once more in the oldest version, on a new socket.
      link.state = 'disconnected';
      this.trace.push(`destroy ${link.generation}`);
      this.#dial(new ModelLink(link.generation, link.overdueAt, true));
    } else {
      const unused = fin && link.state === 'connected' && !link.all.some(request => request.live);
      this.#end(unused ? 'idle' : 'broken', link);
    }
  }

  // ── Requests ──

  send(link: ModelLink, choice: number, habit: Habit): void {
    const id = this.requests.length;
    const request: Request = {
      id,
      habit,
      terms: termsOf(id, choice),
      link,
      place: 0,
      live: true,
      sent: false,
      sentAt: 0,
      overdueAt: undefined,
    };
    this.requests.push(request);
    if (link.state === 'disconnected') {
      this.#lost(request, endedBy.get(link)!);
      return;
    }
    request.place = link.places++;
    if (link.held.length > 0 || link.releaseAt !== undefined) link.held.push(request);
    else this.#write(request);
  }

  #write(request: Request): void {
    const { link, terms } = request;
    link.usedAt = this.now;
    request.sent = true;
    request.sentAt = this.now;
    this.trace.push(`write ${link.generation} 900 3 ${request.place}`);
    if (!terms.expectReply && link.writable) this.#reply(request, '-');
    else {
      (terms.expectReply ? link.inFlight : link.unwritten).push(request);
      request.overdueAt = this.now + terms.timeoutMs;
    }
  }

  /** Gives up the `which`-th request that is open; returns its id. */
  drop(which: number): number | undefined {
    const open = this.requests.filter(({ live }) => live);
    const request = open[open.length === 0 ? 0 : which % open.length];
    if (request !== undefined) this.#drop(request);
    return request?.id;
  }

  #drop(request: Request): void {
    const { link } = request;
    request.live = false;
    request.overdueAt = undefined;
    link.held = link.held.filter(other => other !== request);
    link.unwritten = link.unwritten.filter(other => other !== request);
  }

  #reply(request: Request, value: string): void {
    request.live = false;
    this.trace.push(`value ${request.id} ${value}`);
    if (request.habit === 'ends') this.endLink(request.link, 'protocol');
    else if (request.habit === 'continues') this.send(request.link, request.id, 'nothing');
    else if (request.habit === 'shuts') this.closeSlot();
    else if (request.habit === 'drops') this.drop(request.id);
  }

  #lost(request: Request, reason: string): void {
    request.live = false;
    this.trace.push(`error ${request.id} ${reason} ${request.sent ? 'sent' : 'unsent'}`);
    if (request.habit === 'retries') this.send(request.link, request.id, 'nothing');
    else if (request.habit === 'drops') this.drop(request.id);
    else if (request.habit === 'acquires') this.acquire(false);
    else if (request.habit === 'closes') this.closeSlot();
  }

  // ── Bytes ──

  /** The broker answers the next `count` requests that it has read; returns where and what. */
  answer(count: number, code: number, throttleMs: number): { readonly place: number; readonly code: number }[] {
    const link = this.link!;
    const next = link.inFlight.filter(request => request.place >= link.answered).slice(0, count);
    return next.map(({ place }, i) => {
      link.answered = place + 1;
      link.outbox.push({
        kind: 'echo',
        size: REPLY_BYTES,
        code: code + i,
        throttleMs: i === 0 ? throttleMs : 0,
        got: 0,
        wanted: false,
      });
      return { place, code: code + i };
    });
  }

  answerVersions(kind: 'versions' | 'refusal' | 'failure', size: number): void {
    this.link!.outbox.push({ kind, size, code: 0, throttleMs: 0, got: 0, wanted: false });
  }

  /** So many bytes arrive in one chunk; `offence`: with something behind them that means the end. */
  arrive(bytes: number, offence = false): void {
    const link = this.link!;
    link.heard = true;
    link.movedAt = this.now;
    link.inHand = bytes;
    this.#read(link);
    if (offence && link.state !== 'disconnected') this.#end('protocol', link);
  }

  #read(link: ModelLink): void {
    while (link.inHand > 0 && link.outbox.length > 0) {
      const reply = link.outbox[0]!;
      const before = reply.got;
      const taken = Math.min(link.inHand, reply.size - before);
      reply.got += taken;
      link.inHand -= taken;
      if (before < HEAD_BYTES && reply.got >= HEAD_BYTES && reply.kind === 'echo') {
        reply.wanted = link.inFlight[0]!.live;
        if (!reply.wanted) link.inFlight.shift();
      }
      if (reply.got < reply.size) return;
      link.outbox.shift();
      if (reply.kind !== 'echo') this.#negotiate(link, reply.kind);
      else if (reply.wanted) this.#answered(link, reply);
    }
  }

  #answered(link: ModelLink, { code, throttleMs }: Reply): void {
    const request = link.inFlight.shift()!;
    if (!request.live) return;
    if (throttleMs > 0) {
      link.releaseAt = Math.max(link.releaseAt ?? 0, this.now + throttleMs);
      link.quietUntil = Math.max(link.quietUntil, this.now + throttleMs);
      for (const other of link.inFlight) if (other.overdueAt !== undefined) other.overdueAt += throttleMs;
    }
    this.#reply(request, String(code));
    if (throttleMs > 0) this.trace.push(`event throttled ${throttleMs}`);
  }

  #negotiate(link: ModelLink, kind: 'versions' | 'refusal' | 'failure'): void {
    if (link.state === 'disconnected') return;
    if (kind === 'versions') {
      link.step = 'authentication';
      this.trace.push(`authenticate ${link.generation}`);
    } else if (kind === 'refusal' && link.version === 5) {
      link.version = 2;
      this.#ask(link);
    } else this.#end('protocol', link);
  }

  pressure(writable: boolean): void {
    const link = this.link!;
    // Told again that writes pile up means that some of them have left.
    if (!link.writable) link.movedAt = this.now;
    const flushed = writable && !link.writable;
    link.writable = writable;
    if (!flushed) return;
    for (const request of [...link.unwritten]) {
      if (!request.live) continue;
      link.unwritten.shift();
      request.overdueAt = undefined;
      this.#reply(request, '-');
    }
  }

  // ── The end ──

  endLink(link: ModelLink, reason: string): void {
    this.#end(reason, link);
  }

  #end(reason: string, link: ModelLink, refused = false): void {
    if (link.state === 'disconnected') return;
    const connected = link.state === 'connected';
    link.state = 'disconnected';
    endedBy.set(link, reason);
    this.#cancelled = connected ? link.all.filter(({ live }) => live).length : 0;
    if (this.phase === 'connected' || this.phase === 'connecting') this.phase = 'ending';
    const closing = this.phase === 'closed';
    this.#read(link);
    link.outbox = [];
    const all = link.all;
    link.inFlight = [];
    link.held = [];
    link.unwritten = [];
    for (const request of all) if (request.live) this.#lost(request, reason);
    this.trace.push(`destroy ${link.generation}`);
    if (connected) this.trace.push(`state ${link.generation} disconnected`);
    if (!closing) this.#slotEnded(reason, refused);
  }

  // ── Time ──

  advance(ms: number): void {
    const until = this.now + ms;
    for (let due = this.#next(until); due !== undefined; due = this.#next(until)) {
      this.now = due.at;
      due.happens();
    }
    this.now = until;
  }

  #next(until: number): { readonly at: number; readonly happens: () => void } | undefined {
    let first: { readonly at: number; readonly happens: () => void } | undefined;
    const at = (time: number | undefined, happens: () => void): void => {
      if (time !== undefined && time <= until && (first === undefined || time < first.at))
        first = { at: time, happens };
    };
    at(this.#openAt, () => this.#open());
    const link = this.link;
    if (link === undefined || link.state === 'disconnected') return first;
    if (link.state === 'connecting') at(link.overdueAt, () => this.#end('timeout', link));
    at(link.releaseAt, () => {
      link.releaseAt = undefined;
      while (link.held.length > 0 && link.releaseAt === undefined) this.#write(link.held.shift()!);
    });
    for (const request of link.all) at(request.live ? request.overdueAt : undefined, () => this.#expire(request));
    const oldest = link.inFlight[0] ?? link.unwritten[0];
    if (link.state === 'connected' && oldest !== undefined) {
      const silentSince = Math.max(link.movedAt, link.quietUntil, oldest.sentAt);
      at(silentSince + oldest.terms.holdMs + GRACE_MS, () => this.#end('timeout', link));
    } else if (link.state === 'connected' && link.held.length === 0)
      at(Math.max(link.movedAt, link.usedAt) + IDLE_MS, () => this.#end('idle', link));
    return first;
  }

  #expire(request: Request): void {
    const { link } = request;
    request.live = false;
    request.overdueAt = undefined;
    link.unwritten = link.unwritten.filter(other => other !== request);
    this.trace.push(`error ${request.id} timeout`);
  }
}

const endedBy = new WeakMap<ModelLink, string>();
