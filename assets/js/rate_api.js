// Calls of the portal's API. A request is answered, refused with a sentence, or asked again until the line is back:
// every request may be repeated, because a vote carries its own token.

const LONGEST = 20000; // ms until an answer is taken for lost
const PAUSES = [500, 1000, 2000, 4000, 8000]; // ms between attempts

class Refused extends Error {
  constructor(sentence) {
    super(sentence.en);
    this.sentence = sentence; // {en, zh}
  }

  // Whether it is the refusal of this key, whose text the page has.
  is(key) { return this.sentence.en === page.texts[key].en; }
}

const line = { down: false, onChange: () => {} };

const setDown = (down) => {
  if (line.down === down) return;
  line.down = down;
  line.onChange(down);
};

// The pause, cut short when the browser says that the network is back.
const pause = (ms) => new Promise((done) => {
  const over = () => { clearTimeout(timer); removeEventListener("online", over); done(); };
  const timer = setTimeout(over, ms);
  addEventListener("online", over);
});

// Repeats `attempt` until it does not fail for want of a connection.
async function persist(attempt) {
  for (let count = 0; ; count += 1) {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), LONGEST);
    try {
      const answer = await attempt(late.signal);
      setDown(false);
      return answer;
    } catch (error) {
      if (error instanceof Refused) { setDown(false); throw error; }
      setDown(true);
      await pause(PAUSES[Math.min(count, PAUSES.length - 1)]);
    } finally {
      clearTimeout(timer);
    }
  }
}

const delay = (ms) => new Promise((done) => setTimeout(done, Math.max(0, ms)));

// A name for one submission: sent again, it is known to be the same one.
const randomToken = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

// Addresses of the portal are taken relative to this page, for it may be served under a path.
const clipAddress = (url) => url.replace(/^\//, "");

// The answer of a verb of the API, or a refusal, whose sentence comes in English and (as its title) in Chinese.
function ask(verb, ...values) {
  // Without a session's name Gradio describes all its components to itself anew, fifteen times the work of a vote.
  const body = JSON.stringify({ data: values, session_hash: "study" });
  return persist(async (signal) => {
    const answer = await fetch(`gradio_api/run/${verb}`, {
      method: "POST", headers: { "Content-Type": "application/json" }, body, signal,
    });
    if ([502, 503, 504].includes(answer.status)) throw new TypeError(`answered ${answer.status}`);
    const content = await answer.json().catch(() => ({}));
    if (answer.ok) return content.data[0];
    throw new Refused(content.error ? { en: content.error, zh: content.title } : sentence("rate.bug"));
  });
}
