import { parseExcerpt } from "./excerpt";
import styles from "./search.module.css";

/** The excerpt of a message, with the words that were searched for marked. */
export function Excerpt({ excerpt }: { excerpt: string }) {
  return (
    <span className={styles["excerpt"]} dir="auto">
      {parseExcerpt(excerpt).map(({ text, isHit }, at) =>
        // The parts of one excerpt never move.
        // oxlint-disable-next-line react/no-array-index-key
        isHit ? <mark key={at}>{text}</mark> : <span key={at}>{text}</span>,
      )}
    </span>
  );
}
