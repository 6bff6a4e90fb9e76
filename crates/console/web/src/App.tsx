import { lazy, Suspense, useEffect, useState } from "react";

import { useT } from "./i18n/i18n";
import { useSession } from "./session/session";
import { NewPasswordScreen } from "./signin/NewPasswordScreen";
import { SessionOverDialog } from "./signin/SessionOverDialog";
import { SignInScreen } from "./signin/SignInScreen";
import styles from "./signin/signin.module.css";

const importRoutes = () => import("./routes");
const Routes = lazy(importRoutes);
let isPreloading = false;

/** Whether the console chunk is being preloaded. A failure then is no reason for a reload: nothing waits for the chunk. */
export function isPreloadingRoutes(): boolean {
  return isPreloading;
}

/** Preloads the console chunk during session check and sign-in, so that the first rows wait only for the inbox. */
export function preloadRoutes(): void {
  isPreloading = true;
  importRoutes()
    .catch(() => undefined) // The chunk is loaded again when the console is rendered.
    .finally(() => {
      isPreloading = false;
    });
}

/** The root component: the sign-in, or the console of the staff member who is signed in. */
export function App() {
  const session = useSession();
  switch (session.phase) {
    case "checking":
      return <Waiting />;
    case "signed_out":
      return <SignInScreen blocked={session.blocked} />;
    case "must_change_password":
      return <NewPasswordScreen username={session.me.username} passwordKnown={session.passwordKnown} />;
    case "signed_in":
    case "expired":
      return (
        <>
          <Suspense fallback={<Waiting />}>
            <Routes key={session.me.id} />
          </Suspense>
          {session.phase === "expired" && <SessionOverDialog username={session.me.username} />}
        </>
      );
  }
}

/** A loading text after 600 ms, so that a fast start shows nothing. */
function Waiting() {
  const t = useT();
  const [isSlow, setSlow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), 600);
    return () => clearTimeout(timer);
  }, []);
  return <main className={styles["waiting"]}>{isSlow && <p>{t("ui.loading")}</p>}</main>;
}
