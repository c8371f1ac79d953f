import { notifyManager } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "@/app/App";
import { startTheme } from "@/app/theme";
import "@/styles.css";

startTheme();
// What the cache holds is on the screen with the same frame, not one later.
notifyManager.setScheduler(queueMicrotask);
const root = document.getElementById("root");
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
