"use strict";
// Saves a form at once, one revision after the other: none is lost when the network fails, none doubled.
const { Refusal, Saving, clockTime, insist } = (() => {
  const SLOWEST = 10_000; // milliseconds between two attempts
  const PATIENCE = 20_000; // milliseconds for one attempt
  const BEACON = 60_000; // bytes that a browser still sends when the page goes

  /** A number used once: what the server knows a revision by, so that sending it again changes nothing. */
  const nonce = () =>
    Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

  const clockTime = (date) =>
    [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");

  /** Seconds for which the page could be seen. */
  class Clock {
    #seen = 0;
    #since = document.hidden ? null : performance.now();

    constructor() {
      document.addEventListener("visibilitychange", () => {
        this.#seen = this.#total();
        this.#since = document.hidden ? null : performance.now();
      });
    }

    #total() {
      return this.#seen + (this.#since === null ? 0 : performance.now() - this.#since);
    }

    get seconds() {
      return (this.#total() / 1000).toFixed(1);
    }
  }

  /** The server understood and says no; its words are for people. */
  class Refusal extends Error {}

  /** Posts fields once, and says what the server answered. */
  async function attempt(address, body) {
    const answer = await fetch(address, {
      method: "POST",
      headers: { Accept: "application/json" },
      body,
      redirect: "error",
      signal: AbortSignal.timeout(PATIENCE),
      keepalive: body.toString().length < BEACON,
    });
    if (answer.ok) return answer.json();
    if (answer.status >= 500 || answer.status === 429) throw new Error(`status ${answer.status}`);
    const told = await answer.json().catch(() => ({}));
    throw new Refusal(told.error ?? `The server refused this (status ${answer.status}).`);
  }

  /** Until a time has passed, or the network is back. */
  const pause = (milliseconds) =>
    new Promise((resume) => {
      const wait = setTimeout(resume, milliseconds);
      addEventListener("online", () => (clearTimeout(wait), resume()), { once: true });
    });

  /** Posts fields until the server has answered; the same fields every time. */
  async function insist(address, body, failed) {
    for (let wait = 500; ; wait = Math.min(2 * wait, SLOWEST)) {
      try {
        return await attempt(address, body);
      } catch (error) {
        if (error instanceof Refusal) throw error;
        failed();
        await pause(wait);
      }
    }
  }

  /** What a form says, kept by the server as it changes. */
  class Saving {
    #form;
    #fields;
    #status;
    #clock = new Clock();
    #timer = 0;
    #changed = false;
    #running = null;

    /**
     * @param form the form; its action is where it is posted.
     * @param fields what to post of it: a list of names and values.
     * @param status where people read how it stands.
     */
    constructor(form, fields, status) {
      this.#form = form;
      this.#fields = fields;
      this.#status = status;
      addEventListener("beforeunload", (event) => this.unsaved && event.preventDefault());
      document.addEventListener("visibilitychange", () => document.hidden && this.#changed && this.flush());
      this.#links();
      localTimes();
    }

    get unsaved() {
      return this.#changed || this.#running !== null;
    }

    /** Something has changed: save it after some milliseconds without another change. */
    changed(delay = 0) {
      this.#changed = true;
      this.#status.dataset.state = "waiting";
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.flush(), delay);
    }

    /** Save what has changed; whether all of it is saved. */
    flush() {
      clearTimeout(this.#timer);
      this.#running ??= this.#drain().finally(() => (this.#running = null));
      return this.#running;
    }

    async #drain() {
      while (this.#changed) {
        this.#changed = false;
        if (!(await this.#save(false))) return false;
      }
      return true;
    }

    /** Hand the form in; whether it was accepted. */
    async submit(extra = []) {
      clearTimeout(this.#timer);
      await this.#running;
      this.#changed = false;
      this.#running = this.#save(true, extra).finally(() => (this.#running = null));
      return this.#running;
    }

    async #save(submitted, extra = []) {
      const body = new URLSearchParams([...this.#fields(), ...extra]);
      body.set("csrf", this.#form.elements.csrf.value);
      body.set("nonce", nonce());
      body.set("seconds", this.#clock.seconds);
      if (submitted) body.set("submitted", "yes");
      const slow = setTimeout(() => this.say("saving", "saving"), 300);
      try {
        await insist(this.#form.getAttribute("action"), body, () => {
          clearTimeout(slow);
          this.say("failing", "not saved: retrying");
        });
        clearTimeout(slow);
        this.say(this.#changed ? "waiting" : "saved", `saved ${clockTime(new Date())}`);
        return true;
      } catch (refusal) {
        if (!(refusal instanceof Refusal)) throw refusal;
        clearTimeout(slow);
        this.#changed = true;
        this.say("refused", `not saved: ${refusal.message}`);
        return false;
      }
    }

    say(state, text) {
      this.#status.dataset.state = state;
      this.#status.textContent = text;
    }

    /** Links that leave the page wait until everything is saved. */
    #links() {
      for (const link of document.querySelectorAll("a.leave"))
        link.addEventListener("click", (event) => {
          if (event.ctrlKey || event.metaKey || event.shiftKey) return;
          event.preventDefault();
          this.flush().then((saved) => saved && location.assign(link.href));
        });
    }
  }

  /** Times of the server in the reader's own time zone. */
  function localTimes() {
    for (const time of document.querySelectorAll("time[datetime]")) {
      const date = new Date(time.dateTime);
      const day = date.toDateString() === new Date().toDateString() ? "" : `${date.toLocaleDateString()} `;
      time.textContent = day + clockTime(date);
    }
  }

  return { Refusal, Saving, clockTime, insist };
})();
