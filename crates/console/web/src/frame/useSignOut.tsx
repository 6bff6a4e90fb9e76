import { lazy, Suspense, useState, type ReactNode } from "react";

import { useT } from "../i18n/i18n";
import { unsentCount } from "../offline-queue/queue";
import { signOut } from "../session/session";
import { sentenceOf } from "../ui/failure";
import { showToast } from "../ui/toast";

const SignOutDialog = lazy(() => import("./SignOutDialog"));

/** Signs out; if the offline queue has entries, a dialog asks first. The caller must render `question`. */
export function useSignOut(): { ask: () => void; question: ReactNode } {
  const t = useT();
  const [unsent, setUnsent] = useState(0);

  function leave() {
    setUnsent(0);
    signOut().catch((error: unknown) => showToast({ text: sentenceOf(error, t) }));
  }

  return {
    ask() {
      const count = unsentCount();
      if (count === 0) leave();
      else setUnsent(count);
    },
    question: unsent > 0 && (
      <Suspense>
        <SignOutDialog count={unsent} onCancel={() => setUnsent(0)} onSignOut={leave} />
      </Suspense>
    ),
  };
}
