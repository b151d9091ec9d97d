// The session of a rater in this tab. The newest tab of a rater has it; in an older one a sentence covers the page
// until the rater goes on there. What the page showed is kept underneath, with all that was not sent yet.

class Elsewhere extends Error {} // the session is another tab's, and the page says so

// Takes part in a study: asks in the name of the rater, and covers the page when another tab has taken over.
//   code, token: the rater's code and session; onHere(): this tab has the session again, the page is still covered;
//   onOver(study): there is nothing to go on with: it is finished, or the rater's data was deleted.
function raterSession({ code, token, onHere, onOver }) {
  let session = token;
  let covered = null; // what the page showed
  const tabs = window.BroadcastChannel ? new BroadcastChannel(CODE) : null;
  let announced = false; // to the other tabs; not before the portal has taken the session, which may be an old one

  const cover = () => {
    if (covered) return;
    for (const video of main.querySelectorAll("video")) video.pause();
    covered = { parts: [...main.childNodes], keys };
    keys = () => {};
    const button = mainButton("rate.here", () => goOn(button));
    show("text-page", "", card(heading(t("rate.elsewhere")), h("p", {}, t("rate.elsewhere.how")), yourCode(code),
      h("div", { className: "steps" }, button)));
  };

  const goOn = async (button) => {
    button.disabled = true;
    showNotice(null);
    try {
      const study = await ask("study_open", link, code);
      if (study.state === "going") {
        session = study.session;
        announced = false;
        await onHere();
      } else {
        tabs?.close();
        await onOver(study);
      }
    } catch (error) {
      refuseOr((sentence) => showNotice(both(sentence), true))(error);
    } finally {
      button.disabled = false;
    }
  };

  if (tabs) tabs.onmessage = ({ data }) => { if (data === code) cover(); };
  return {
    async ask(verb, ...values) {
      const asked = session;
      try {
        const answer = await ask(verb, asked, ...values);
        if (!announced && asked === session) tabs?.postMessage(code);
        announced = true;
        return answer;
      } catch (error) {
        if (!(error instanceof Refused && error.is("session.elsewhere"))) throw error;
        if (asked === session) cover(); // else this tab took over while an old answer was on its way
        throw new Elsewhere();
      }
    },
    get covered() { return covered !== null; },
    // Show what was covered again, or only lift the cover for something else.
    restore() {
      keys = covered.keys;
      main.replaceChildren(...covered.parts);
      covered = null;
      showNotice(null);
      main.querySelector("h1")?.focus();
    },
    lift() { covered = null; },
  };
}
