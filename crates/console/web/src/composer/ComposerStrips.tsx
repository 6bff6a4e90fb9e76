import type { ReactNode } from "react";

import type { Conversation } from "../api/types";
import type { DraftBox } from "../drafts/drafts";
import { useT } from "../i18n/i18n";
import { reopenConversation } from "../live/actions";
import type { QueuedContent, QueuedMessage } from "../offline-queue/entry";
import { discard, sendAgain, sendAnyway, sendHeld, takeBack } from "../offline-queue/queue";
import { useStore } from "../store/store";
import { Button } from "../ui/Button";
import { sentenceOf } from "../ui/failure";
import { Strip } from "../ui/Strip";
import { showToast } from "../ui/toast";
import styles from "./Composer.module.css";
import { stageFiles } from "./staged-files";
import { StaleText } from "./StaleText";
import { WindowStrip } from "./WindowStrip";
import type { WindowState } from "./window";

interface ComposerStripsProps {
  id: number;
  conversation: Conversation | undefined;
  draft: DraftBox;
  windowState: WindowState;
  hasFiles: boolean;
  onSendHeld: () => void;
  /** Called after a choice. The strip may unmount with its button, so the focus has to move to the box. */
  onDone: () => void;
}

const NONE: readonly QueuedMessage[] = [];

/** The strips above the box: an offered draft, a refused message, a closed conversation or a closed 24-hour window. */
export function ComposerStrips({ id, conversation, draft, windowState, hasFiles, onSendHeld, onDone }: ComposerStripsProps) {
  const t = useT();
  const queued = useStore((state) => state.queued.get(id) ?? NONE);
  const refused = queued.find(({ state }) => state.kind === "stale" || state.kind === "blocked");

  async function reopen(then?: () => void) {
    try {
      await reopenConversation(id);
      then?.();
    } catch (error) {
      showToast({ text: sentenceOf(error, t) });
    }
    onDone();
  }

  return (
    <>
      {draft.offer && (
        <Strip
          tone="calm"
          role="status"
          actions={
            <>
              <Button small variant="primary" onPress={() => after(draft.useOffer, onDone)}>
                {t("composer.use_offer")}
              </Button>
              <Button small onPress={() => after(draft.dismissOffer, onDone)}>
                {t("composer.dismiss")}
              </Button>
            </>
          }
        >
          {t("composer.offer")}
        </Strip>
      )}
      {refused ? (
        <RefusedEntry entry={refused} conversation={conversation} draft={draft} onReopen={reopen} onDone={onDone} />
      ) : conversation?.status === "closed" && !draft.internal ? (
        <Strip
          tone="warning"
          actions={
            <Button small onPress={() => void reopen()}>
              {t("composer.reopen")}
            </Button>
          }
        >
          {t("composer.closed")}
        </Strip>
      ) : (
        conversation &&
        windowState.kind === "closed" &&
        !draft.internal && (
          <WindowStrip
            conversation={conversation}
            never={windowState.never}
            hasText={draft.text.trim() !== "" && !hasFiles}
            onSendHeld={() => after(onSendHeld, onDone)}
          />
        )
      )}
    </>
  );
}

interface RefusedEntryProps {
  entry: QueuedMessage;
  conversation: Conversation | undefined;
  draft: DraftBox;
  onReopen: (then: () => void) => Promise<void>;
  onDone: () => void;
}

/** The strip about a queue entry refused with 409, which the person sends, edits or discards. */
function RefusedEntry({ entry, conversation, draft, onReopen, onDone }: RefusedEntryProps) {
  const t = useT();
  const { ref, state, conversation_id: id } = entry;

  function edit() {
    const content = takeBack(ref);
    if (content !== null) putBack(content, id, draft);
    onDone();
  }

  let text: ReactNode = null;
  let choice: ReactNode = null;
  if (state.kind === "stale") {
    text = <StaleText newer={state.newer} />;
    choice = (
      <Button small variant="primary" onPress={() => after(() => sendAnyway(ref), onDone)}>
        {t("composer.send_anyway")}
      </Button>
    );
  } else if (state.kind === "blocked" && state.by === "conversation_closed") {
    text = t("composer.closed");
    choice = (
      <Button small variant="primary" onPress={() => void onReopen(() => sendAgain(ref))}>
        {t("composer.reopen_answer")}
      </Button>
    );
  } else if (state.kind === "blocked") {
    text = state.detail;
    choice = entry.content.kind === "text" && conversation && (
      <Button small variant="primary" onPress={() => after(() => sendHeld(ref), onDone)}>
        {t("composer.send_opener")}
      </Button>
    );
  }
  return (
    <Strip
      tone="warning"
      role="alert"
      actions={
        <>
          {choice}
          <Button small onPress={edit}>
            {t("composer.edit")}
          </Button>
          <Button small onPress={() => after(() => discard(ref), onDone)}>
            {t("composer.discard")}
          </Button>
        </>
      }
    >
      <span className={styles["stripText"]}>{text}</span>
      <span className={styles["ownText"]} dir="auto">
        {t("composer.stale_yours", { text: textOf(entry.content) })}
      </span>
    </Strip>
  );
}

function after(act: () => void, then: () => void): void {
  act();
  then();
}

/** Puts the content of an entry back into the box, above newer text. */
function putBack(content: QueuedContent, id: number, draft: DraftBox): void {
  if (content.kind === "file") stageFiles(id, [new File([content.file], content.name, { type: content.file.type })]);
  const text = textOf(content, "");
  if (text !== "") draft.putBack(text, content.kind === "note");
}

function textOf(content: QueuedContent, fileName = content.kind === "file" ? content.name : ""): string {
  if (content.kind === "template") return content.preview;
  return content.text || fileName;
}
