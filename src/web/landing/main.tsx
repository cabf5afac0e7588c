/**
 * Entry of the landing page.
 */
import { render } from "preact";
import { keepOffline } from "../design/keep-offline.ts";
import { showSystemTheme } from "../design/theme.ts";
import { Landing } from "./landing.tsx";
import "../design/design.css";

const app = document.getElementById("app");
if (app === null) throw new Error("unreachable: the page has no #app");
showSystemTheme();
render(<Landing />, app);
keepOffline();
