// Names for screen readers that the theme leaves out: the arrows of the side bar, and the text that the search button shows.
document.addEventListener("DOMContentLoaded", () => {
  for (const arrow of document.querySelectorAll("li > details > summary")) {
    const link = arrow.closest("li").querySelector("a");
    if (!arrow.textContent.trim()) arrow.setAttribute("aria-label", `Pages of ${link ? link.textContent.trim() : "this section"}`);
  }
  // A name that differs from the text that is shown confuses who speaks to the page.
  document.querySelectorAll("summary[aria-label]").forEach((part) => part.textContent.trim() && part.removeAttribute("aria-label"));
  document.querySelectorAll(".search-button-field").forEach((part) => part.setAttribute("aria-label", part.textContent.replace(/\s+/g, " ").trim()));
});
