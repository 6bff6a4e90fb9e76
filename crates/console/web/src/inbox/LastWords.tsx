import type { LastMessage, Me } from "../api/types";
import { useT } from "../i18n/i18n";
import { Bidi } from "../ui/Bidi";
import styles from "./ConversationRow.module.css";
import { authorOf } from "./row-words";

/** The last message of a conversation with its author, in one line. */
export function LastWords({ message, me }: { message: LastMessage | null; me: Me }) {
  const t = useT();
  if (message === null) return <span className={styles["text"]}>{t("inbox.row.nothing")}</span>;
  const author = authorOf(message, me, t);
  const reaction = message.reactions.find(({ by }) => by === "guest");
  return (
    <>
      {author !== null && <Bidi className={styles["author"]}>{author}</Bidi>}
      <span className={styles["text"]} dir="auto">
        {message.content}
      </span>
      {reaction && <span>{reaction.emoji}</span>}
    </>
  );
}
