import { Fragment, type ReactNode } from "react";

import { ApiError } from "../api/problem";
import { useT } from "../i18n/i18n";
import { sentenceOf } from "../ui/failure";
import { ProblemLine } from "../ui/Problem";
import { Skeleton } from "../ui/Skeleton";
import { useDelayed } from "../ui/useDelayed";
import { VisuallyHidden } from "../ui/VisuallyHidden";
import { Framed } from "./Framed";
import styles from "./ListState.module.css";

/** Delay in milliseconds before the placeholder table appears, so that fast responses do not flash. */
const SKELETON_DELAY = 300;
const GREY_ROWS = [1, 2, 3, 4, 5, 6];

interface ListStateProps {
  /** The part of a React Query result that is used. */
  query: {
    readonly isPending: boolean;
    /** `paused`: the browser has no network. */
    readonly fetchStatus: "fetching" | "paused" | "idle";
    readonly error: Error | null;
    readonly refetch: () => unknown;
  };
  isEmpty: boolean;
  /** Shown if the list is empty: a sentence and the first step. */
  empty: ReactNode;
  children: ReactNode;
}

/**
 * A list with its states: a placeholder table while it loads, an error line above the last rows, a sentence if it is
 * empty.
 */
export function ListState({ query, isEmpty, empty, children }: ListStateProps) {
  const t = useT();
  const { isPending, error } = query;
  const isPaused = isPending && query.fetchStatus === "paused";
  const isSlow = useDelayed(isPending && !isPaused && error === null, SKELETON_DELAY);
  return (
    <>
      {error !== null && (
        <Framed>
          <ProblemLine
            detail={sentenceOf(error, t)}
            {...(error instanceof ApiError && { requestId: error.problem.requestId })}
            onRetry={() => void query.refetch()}
          />
        </Framed>
      )}
      {isPaused && <p className={styles["empty"]}>{t("records.list_needs_connection")}</p>}
      {isSlow && <GreyTable />}
      {!isPending && (isEmpty ? error === null && <div className={styles["empty"]}>{empty}</div> : children)}
    </>
  );
}

/** The placeholder of a table. */
export function GreyTable() {
  const t = useT();
  return (
    <div className={styles["grey"]} role="status">
      <VisuallyHidden>{t("ui.loading")}</VisuallyHidden>
      {GREY_ROWS.map((row) => (
        <Fragment key={row}>
          <Skeleton shape="short" />
          <Skeleton shape="text" />
        </Fragment>
      ))}
    </div>
  );
}
