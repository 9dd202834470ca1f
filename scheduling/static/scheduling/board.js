// A board that refreshes itself after its session has ended is answered with the log-in page:
// show that as a page of its own, never inside the board.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { target, xhr } = event.detail;
  if (target.id === "board" && !xhr.responseText.includes('id="board"')) {
    event.detail.shouldSwap = false;
    window.location.reload();
  }
});
