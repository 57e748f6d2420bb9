// Names for screen readers that the theme leaves out: the arrows of the side bar, and the text that the search button shows.
document.addEventListener("DOMContentLoaded", () => {
  for (const arrow of document.querySelectorAll("li > details > summary")) {
    const link = arrow.closest("li").querySelector("a");
    if (!arrow.textContent.trim()) arrow.setAttribute("aria-label", `Pages of ${link ? link.textContent.trim() : "this section"}`);
  }
  document.querySelectorAll(".search-button-field[aria-label]").forEach((button) => button.removeAttribute("aria-label"));
});
