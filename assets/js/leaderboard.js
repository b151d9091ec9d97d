// The page's address names the filters of the leaderboard that is shown.
const note = () => {
  const board = element.querySelector("[data-board]");
  const address = new URL(location.href);
  if (!board || address.searchParams.get("tab") !== "leaderboard") return;
  for (const name of ["suite", "language"]) {
    if (board.dataset[name]) address.searchParams.set(name, board.dataset[name]);
    else address.searchParams.delete(name);
  }
  history.replaceState(history.state, "", address);
};

note();
watch("value", note);
