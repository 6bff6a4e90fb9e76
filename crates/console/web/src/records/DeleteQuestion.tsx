import { useState } from "react";

import { useT } from "../i18n/i18n";
import { Button } from "../ui/Button";
import { sentenceOf } from "../ui/failure";
import { ProblemLine } from "../ui/Problem";
import styles from "./DeleteQuestion.module.css";
import { useOffline } from "./useOffline";

interface DeleteQuestionProps {
  label: string;
  /** The question, which describes the effect of the deletion. */
  question: string;
  remove: () => Promise<void>;
}

/** A delete button that asks for a confirmation in place. */
export function DeleteQuestion({ label, question, remove }: DeleteQuestionProps) {
  const t = useT();
  const isOffline = useOffline();
  const [isAsked, setAsked] = useState(false);
  const [isPending, setPending] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);

  async function run() {
    setPending(true);
    setProblem(null);
    try {
      await remove();
    } catch (error) {
      setProblem(sentenceOf(error, t));
      setPending(false);
    }
  }

  if (!isAsked) {
    return (
      <div className={styles["buttons"]}>
        <Button variant="danger" isDisabled={isOffline} onPress={() => setAsked(true)}>
          {label}
        </Button>
      </div>
    );
  }
  return (
    <div className={styles["question"]} role="group" aria-label={label}>
      <p>{question}</p>
      {problem !== null && <ProblemLine detail={problem} />}
      <div className={styles["buttons"]}>
        {/* The pressed button is unmounted, so the focus moves to the safe choice. */}
        {/* oxlint-disable-next-line jsx-a11y/no-autofocus */}
        <Button onPress={() => setAsked(false)} autoFocus>
          {t("records.keep")}
        </Button>
        <Button variant="danger" isPending={isPending} isDisabled={isOffline} onPress={() => void run()}>
          {t("records.delete")}
        </Button>
      </div>
    </div>
  );
}
