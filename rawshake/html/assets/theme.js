// Before anything is drawn, so that nothing flashes: the theme that was chosen last. It may be forbidden to ask.
try {
  const chosen = localStorage.getItem("rawshake-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch { /* as the system has it */ }
